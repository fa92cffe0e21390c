// What a device of a ResourceSlice says of itself: attributes, one value or a list of them each, and what it takes of its node.
import { invalid, notFound, tooLong, type FieldError } from '../field-error.ts';
import type { Device, DeviceAttribute } from '../generated/types.ts';
import { byteLength } from '../meta/names.ts';
import { semanticVersion } from '../meta/semantic-version.ts';
import { compareQuantities } from '../quantity.ts';
import { isNativeResource } from './resources.ts';

const valueBytesMax = 64;
const textErrors = (path: string, value: string): FieldError[] =>
  byteLength(value) > valueBytesMax ? [tooLong(path, valueBytesMax)] : [];
const versionErrors = (path: string, value: string): FieldError[] => [
  ...(semanticVersion(value) === undefined
    ? [invalid(path, value, 'must be a string compatible with semver.org spec 2.0.0')]
    : []),
  ...textErrors(path, value),
];

const lists = ['bools', 'ints', 'strings', 'versions'] as const;

export function attributeErrors(path: string, attribute: DeviceAttribute): FieldError[] {
  const { int, bool, string, version, strings = [], versions = [] } = attribute;
  const errors = [
    ...(string === undefined ? [] : textErrors(`${path}.string`, string)),
    ...(version === undefined ? [] : versionErrors(`${path}.version`, version)),
    ...lists
      .filter((name) => attribute[name]?.length === 0)
      .map((name) => invalid(`${path}.${name}`, [], 'must not be empty if specified')),
    ...strings.flatMap((one, index) => textErrors(`${path}.strings[${index}]`, one)),
    ...versions.flatMap((one, index) => versionErrors(`${path}.versions[${index}]`, one)),
  ];
  const given = [int, bool, string, version, ...lists.map((name) => attribute[name])].filter(
    (one) => one !== undefined,
  ).length;
  if (given === 0) errors.push(invalid(path, '', 'exactly one value must be specified'));
  else if (given > 1) errors.push(invalid(path, attribute, 'exactly one value must be specified'));
  return errors;
}

/** An attribute counts once, a list as often as it has values. */
export function attributeValues({ attributes = {} }: Device): number {
  let sum = 0;
  for (const one of Object.values(attributes))
    sum += Math.max(
      1,
      lists.reduce((count, name) => count + (one[name]?.length ?? 0), 0),
    );
  return sum;
}

export const mappingErrors = (path: string, { capacity = {}, nodeAllocatableResourceMappings = {} }: Device) =>
  Object.entries(nodeAllocatableResourceMappings).flatMap(([name, { allocationMultiplier, capacityKey }]) => {
    const at = `${path}[${name}]`;
    const errors = isNativeResource(name) ? [] : [invalid(at, name, 'must be a node allocatable resource name')];
    if (allocationMultiplier === undefined && capacityKey === undefined)
      return [...errors, invalid(at, '', 'at least one of allocationMultiplier or capacityKey must be set')];
    if (allocationMultiplier !== undefined && compareQuantities(String(allocationMultiplier), '0') <= 0)
      errors.push(invalid(`${at}.allocationMultiplier`, allocationMultiplier, 'must be positive'));
    if (capacityKey === '') errors.push(invalid(`${at}.capacityKey`, '', 'capacityKey must not be an empty string'));
    else if (capacityKey !== undefined && !(capacityKey in capacity))
      errors.push(notFound(`${at}.capacityKey`, capacityKey));
    return errors;
  });
