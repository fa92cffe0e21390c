// Expressions that select devices (resource.k8s.io): CEL over one variable, `device`. Loaded with the first selector.
import { forbidden, invalid, required, tooLong, type FieldError } from '../field-error.ts';
import { environment, type Environment } from '../cel/cel.ts';
import type { SizeHint } from '../cel/cost/ranges.ts';
import { anyType, boolType, mapType, objectOf, quantityType, stringType } from '../cel/types.ts';
import type { DeviceSelector } from '../generated/types.ts';
import { byteLength } from '../meta/names.ts';

const selectorsMax = 32;
const expressionBytesMax = 10 * 1024;
const costMax = 1_000_000;

/** The largest sizes of what a device holds. */
const domainMax = 63;
const idMax = 32;
const entriesMax = 32;
const valueMax = 64;
const driverMax = 63;

/** What selectors see. */
export const deviceVariables = {
  device: objectOf('kubernetes.DRADevice', {
    driver: stringType,
    allowMultipleAllocations: boolType,
    attributes: mapType(stringType, mapType(stringType, anyType)),
    capacity: mapType(stringType, mapType(stringType, quantityType)),
  }),
};

let shared: Environment | undefined;
const deviceEnvironment = (): Environment => (shared ??= environment({ variables: deviceVariables }));

const upTo = (max: number) => ({ min: 0, max });
const sizeHint: SizeHint = (path) => {
  const [variable, part, outer, inner] = path ?? [];
  if (variable !== 'device') return undefined;
  if (part === undefined) return upTo(0);
  if (part === 'driver') return upTo(driverMax);
  if (part === 'allowMultipleAllocations') return upTo(1);
  if (part !== 'attributes' && part !== 'capacity') return undefined;
  if (outer === undefined) return upTo(entriesMax);
  if (outer === '@keys') return upTo(domainMax);
  if (outer !== '@values' && outer !== '@items') return undefined;
  if (inner === undefined) return upTo(entriesMax);
  if (inner === '@keys') return upTo(idMax);
  return part === 'attributes' ? upTo(valueMax) : undefined;
};

function expressionErrors(path: string, expression: string, stored: boolean): FieldError[] {
  if (byteLength(expression) > expressionBytesMax) return [tooLong(path, expressionBytesMax)];
  // What is stored was compiled when it came.
  if (stored) return [];
  const { program, errors } = deviceEnvironment().compile(expression);
  if (program === undefined) return [invalid(path, expression, errors)];
  const { resultType } = program;
  if (resultType.kind !== 'bool' && resultType.kind !== 'any')
    return [invalid(path, expression, `must evaluate to bool or the unknown type, not ${resultType.text}`)];
  return program.estimateCost(sizeHint).max > costMax ? [forbidden(path, 'too complex, exceeds cost limit')] : [];
}

export function selectorErrors(
  path: string,
  selectors: readonly DeviceSelector[] | undefined,
  stored = false,
): FieldError[] {
  const list = selectors ?? [];
  if (list.length > selectorsMax)
    return [
      {
        reason: 'FieldValueTooMany',
        field: path,
        message: `Too many: ${list.length}: must have at most ${selectorsMax} items`,
      },
    ];
  return list.flatMap(({ cel }, index) =>
    cel === undefined
      ? [required(`${path}[${index}].cel`)]
      : expressionErrors(`${path}[${index}].cel.expression`, cel.expression ?? '', stored),
  );
}
