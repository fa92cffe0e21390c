// Text of nft commands from data. Everything that goes into a command is checked against the small alphabet that addresses,
// names, numbers and verdicts need, so that no object of the API can add a command of its own.
import { assert } from '#base/errors.ts';

export interface NftElement {
  readonly key: string;
  /** Data of a map; undefined in a set. */
  readonly value: string | undefined;
}

const plain = /^[\w.:/ -]+$/;
const name = /^[a-z][\w.-]{0,126}$/;

export function nftName(value: string): string {
  assert(name.test(value), `not a name for nft: ${JSON.stringify(value)}`);
  return value;
}

function checked(value: string): string {
  assert(plain.test(value), `not an element for nft: ${JSON.stringify(value)}`);
  return value;
}

const renderElement = ({ key, value }: NftElement): string =>
  value === undefined ? checked(key) : `${checked(key)} : ${checked(value)}`;

/** `table` is family and name, such as `inet microshift`. */
export const addElements = (table: string, set: string, elements: readonly NftElement[]): string =>
  `add element ${table} ${nftName(set)} { ${elements.map(renderElement).join(', ')} }`;

export const deleteElements = (table: string, set: string, keys: readonly string[]): string =>
  `delete element ${table} ${nftName(set)} { ${keys.map(checked).join(', ')} }`;

/** Commands on one line are one transaction. */
export const transaction = (commands: readonly string[]): string => commands.join('; ');
