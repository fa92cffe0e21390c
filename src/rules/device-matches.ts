// Whether a device is what a selector (CEL over `device`) asks for. `loadCel()` has to be awaited before.
import { environment, type Program } from '#api/cel/cel.ts';
import { QuantityValue } from '#api/cel/functions/quantities.ts';
import { parseSemver } from '#api/cel/functions/semantic-versions.ts';
import { CelError, EntryMap } from '#api/cel/run/values.ts';
import type { Device, DeviceAttribute } from '#api/generated/types.ts';
import { parseQuantity } from '#api/quantity.ts';
import { deviceVariables } from '#api/validation/device-selector.ts';

export type DeviceMatch = { readonly matches: boolean } | { readonly error: string };

const programsMax = 256;
const answersPerDeviceMax = 64;

const programs = new Map<string, Program | string>();
/** Devices never change: a new state of a slice has new ones. */
const answers = new WeakMap<Device, Map<string, DeviceMatch>>();
const values = new WeakMap<Device, unknown>();

/** Maps of domains: those that a device does not have are empty. */
class DomainMap extends EntryMap {
  override get(key: unknown): unknown {
    return super.get(key) ?? (typeof key === 'string' ? empty : undefined);
  }
  override contains(key: unknown): boolean {
    return super.get(key) !== undefined;
  }
}
const empty = new EntryMap();

function programOf(expression: string): Program | string {
  const known = programs.get(expression);
  if (known !== undefined) return known;
  const { program, errors } = environment({ variables: deviceVariables }).compile(expression);
  const made = program ?? errors ?? '';
  const [oldest] = programs.keys();
  if (programs.size >= programsMax && oldest !== undefined) programs.delete(oldest);
  programs.set(expression, made);
  return made;
}

/** `driver`: of the slice that lists the device. */
export function deviceMatches(driver: string, device: Device, expression: string): DeviceMatch {
  const known = answers.get(device) ?? new Map<string, DeviceMatch>();
  answers.set(device, known);
  let answer = known.get(expression);
  if (answer === undefined) {
    answer = evaluate(driver, device, expression);
    if (known.size >= answersPerDeviceMax) known.clear();
    known.set(expression, answer);
  }
  return answer;
}

function evaluate(driver: string, device: Device, expression: string): DeviceMatch {
  const program = programOf(expression);
  if (typeof program === 'string') return { error: `CEL compile error: ${program}` };
  try {
    let value = values.get(device);
    if (value === undefined) values.set(device, (value = valueOf(driver, device)));
    const outcome = program.evaluate({ device: value });
    if (outcome.error !== undefined) return { error: `CEL runtime error: ${outcome.error}` };
    return typeof outcome.value === 'boolean'
      ? { matches: outcome.value }
      : { error: 'CEL runtime error: CEL result could not be converted to bool' };
  } catch (error) {
    if (error instanceof CelError) return { error: `CEL runtime error: ${error.message}` };
    throw error;
  }
}

function valueOf(driver: string, { attributes = {}, capacity = {}, allowMultipleAllocations = false }: Device) {
  const plain = (entries: readonly (readonly [string, unknown])[]): EntryMap =>
    new EntryMap(new Map(entries.map(([key, value]) => [key, { key, value }])));
  const byDomain = (parts: readonly (readonly [string, unknown])[]): EntryMap => {
    const groups = Map.groupBy(parts, ([name]) => (name.includes('/') ? name.slice(0, name.indexOf('/')) : driver));
    return new DomainMap(
      new Map(
        [...groups].map(([key, group]) => [
          key,
          { key, value: plain(group.map(([name, value]) => [name.slice(name.indexOf('/') + 1), value])) },
        ]),
      ),
    );
  };
  return plain([
    ['driver', driver],
    ['allowMultipleAllocations', allowMultipleAllocations],
    ['attributes', byDomain(Object.entries(attributes).map(([name, one]) => [name, attributeValue(name, one)]))],
    [
      'capacity',
      byDomain(
        Object.entries(capacity).map(([name, one]) => [name, new QuantityValue(parseQuantity(String(one.value)))]),
      ),
    ],
  ]);
}

function attributeValue(name: string, attribute: DeviceAttribute): unknown {
  if (attribute.int !== undefined) return BigInt(attribute.int);
  if (attribute.bool !== undefined) return attribute.bool;
  if (attribute.string !== undefined) return attribute.string;
  if (attribute.version === undefined) throw new CelError(`attribute ${name}: unsupported attribute value`);
  const version = parseSemver(attribute.version);
  if (typeof version === 'string') throw new CelError(`attribute ${name}: parse semantic version: ${version}`);
  return version;
}
