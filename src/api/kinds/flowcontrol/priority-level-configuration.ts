// PriorityLevelConfiguration: how many requests of a level run at once, and what becomes of the others.
import { forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type {
  ExemptPriorityLevelConfiguration,
  LimitResponse,
  LimitedPriorityLevelConfiguration,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { oneOf, semanticEqual } from '../../validation/fields.ts';
import { typeErrors } from './flow-schema.ts';

const queuesMax = 10_000_000;
/** Bits of the hash that deals a hand of queues to a flow. */
const entropyBitsMax = 60;
const roundTripAnnotation = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';

/** Levels that every server has. */
const mandatory: Readonly<Record<string, PriorityLevelConfigurationSpec>> = {
  exempt: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  'catch-all': {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
  },
};

const entropyBits = (queues: number, handSize: number): number => Math.ceil(Math.log2(queues) * handSize);

function queuingErrors(path: string, queuing: QueuingConfiguration): FieldError[] {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  const errors: FieldError[] = [];
  if (queueLengthLimit <= 0) errors.push(invalid(`${path}.queueLengthLimit`, queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalid(`${path}.queues`, queues, 'must be positive'));
  else if (queues > queuesMax) errors.push(invalid(`${path}.queues`, queues, `must not be greater than ${queuesMax}`));
  const wrongHand = (detail: string) => errors.push(invalid(`${path}.handSize`, handSize, detail));
  if (handSize <= 0) wrongHand('must be positive');
  else if (handSize > queues) wrongHand(`should not be greater than queues (${queues})`);
  else if (entropyBits(queues, handSize) > entropyBitsMax)
    wrongHand(
      `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${entropyBitsMax}`,
    );
  return errors;
}

function responseErrors(path: string, response: Partial<LimitResponse>): FieldError[] {
  const { type = '', queuing } = response;
  const at = `${path}.queuing`;
  if (type === 'Reject')
    return queuing === undefined ? [] : [forbidden(at, 'must be nil if limited.limitResponse.type is not Limited')];
  if (type === 'Queue')
    return queuing === undefined
      ? [required(at, 'must not be empty if limited.limitResponse.type is Limited')]
      : queuingErrors(at, queuing);
  return oneOf(`${path}.type`, type, ['Queue', 'Reject']);
}

const sharesErrors = (path: string, shares: number | undefined): FieldError[] =>
  (shares ?? 0) < 0 ? [invalid(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer')] : [];
const lendableErrors = (path: string, percent: number | undefined): FieldError[] =>
  percent !== undefined && (percent < 0 || percent > 100)
    ? [invalid(`${path}.lendablePercent`, percent, 'must be between 0 and 100, inclusive')]
    : [];

const exemptErrors = (path: string, exempt: ExemptPriorityLevelConfiguration): FieldError[] => [
  ...sharesErrors(path, exempt.nominalConcurrencyShares),
  ...lendableErrors(path, exempt.lendablePercent),
];

const limitedErrors = (path: string, limited: LimitedPriorityLevelConfiguration): FieldError[] => [
  ...sharesErrors(path, limited.nominalConcurrencyShares),
  ...responseErrors(`${path}.limitResponse`, limited.limitResponse ?? {}),
  ...lendableErrors(path, limited.lendablePercent),
  ...((limited.borrowingLimitPercent ?? 0) < 0
    ? [
        invalid(
          `${path}.borrowingLimitPercent`,
          limited.borrowingLimitPercent,
          'if specified, must be a non-negative integer',
        ),
      ]
    : []),
];

function specErrors(name: string, spec: Partial<PriorityLevelConfigurationSpec>): FieldError[] {
  const { type = '', limited, exempt } = spec;
  const errors =
    (name === 'exempt') === (type === 'Exempt')
      ? []
      : [invalid('spec.type', type, "must be 'Exempt' if and only if `name` is 'exempt'")];
  if (type === 'Exempt') {
    if (limited !== undefined) errors.push(forbidden('spec.limited', 'must be nil if the type is not Limited'));
    if (exempt !== undefined) errors.push(...exemptErrors('spec.exempt', exempt));
  } else if (type === 'Limited') {
    if (exempt !== undefined) errors.push(forbidden('spec.exempt', 'must be nil if the type is Limited'));
    errors.push(
      ...(limited === undefined
        ? [required('spec.limited', 'must not be empty when type is Limited')]
        : limitedErrors('spec.limited', limited)),
    );
  } else errors.push(...oneOf('spec.type', type, ['Exempt', 'Limited']));
  return errors;
}

function fixedErrors(name: string, spec: PriorityLevelConfigurationSpec): FieldError[] {
  const fixed = Object.hasOwn(mandatory, name) ? mandatory[name]! : undefined;
  if (fixed === undefined) return [];
  // What exempt requests count for may be chosen.
  if (name === 'exempt')
    return semanticEqual({ ...spec, exempt: fixed.exempt }, fixed)
      ? []
      : [invalid('spec', spec, "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value")];
  return semanticEqual(spec, fixed) ? [] : [invalid('spec', spec, `spec of '${name}' must equal the fixed value`)];
}

function validate(object: PriorityLevelConfiguration): FieldError[] {
  const name = object.metadata.name ?? '';
  return [
    ...(object.metadata.annotations?.[roundTripAnnotation] === undefined
      ? []
      : [forbidden('metadata.annotations', `annotation '${roundTripAnnotation}' is forbidden`)]),
    ...specErrors(name, object.spec ?? {}),
    ...fixedErrors(name, object.spec),
    ...typeErrors(object.status?.conditions),
  ];
}

export const priorityLevelConfiguration: KindBehaviour<PriorityLevelConfiguration> = {
  validate,
  validateUpdate: (object, _previous, subresource) =>
    subresource === 'status' ? typeErrors(object.status?.conditions) : validate(object),
};
