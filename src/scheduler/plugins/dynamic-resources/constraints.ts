// What the devices of one claim must have in common, or must not. A search adds devices and takes them away in reverse order.
import type { Device, DeviceAttribute, DeviceConstraint } from '#api/generated/types.ts';
import type { Option } from './requests.ts';

export interface Constraint {
  /** False: the device does not go with those that are there, and nothing was added. */
  add(option: Option, driver: string, device: Device): boolean;
  /** The last one that was added for this option. */
  remove(option: Option): void;
}

function attributeOf(driver: string, { attributes = {} }: Device, name: string): DeviceAttribute | undefined {
  if (Object.hasOwn(attributes, name)) return attributes[name];
  const slash = name.indexOf('/');
  return slash >= 0 && name.slice(0, slash) === driver ? attributes[name.slice(slash + 1)] : undefined;
}

/** Type and value; undefined for what cannot be compared. */
const valueOf = ({ string, int, bool, version }: DeviceAttribute): string | undefined => {
  for (const [type, value] of Object.entries({ string, int, bool, version }))
    if (value !== undefined) return `${type}:${String(value)}`;
  return undefined;
};

/** Undefined: a kind of constraint that is not known here. */
export function constraintOf({
  requests = [],
  matchAttribute,
  distinctAttribute,
}: DeviceConstraint): Constraint | undefined {
  const concerns = ({ parent, name, fullName }: Option): boolean =>
    requests.length === 0 || requests.includes(parent ?? name) || requests.includes(fullName);
  const attribute = matchAttribute ?? distinctAttribute;
  if (attribute === undefined) return undefined;
  const values: string[] = [];
  return {
    add(option, driver, device) {
      if (!concerns(option)) return true;
      const found = attributeOf(driver, device, attribute);
      const value = found === undefined ? undefined : valueOf(found);
      if (value === undefined) return false;
      const fits = matchAttribute === undefined ? !values.includes(value) : values.length === 0 || values[0] === value;
      if (fits) values.push(value);
      return fits;
    },
    remove(option) {
      if (concerns(option)) values.pop();
    },
  };
}
