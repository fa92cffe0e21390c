// What a node says about its names on one of its links. Pure.
import type { AddressType, MdnsAddress, MdnsMessage, MdnsReply } from '#wire/mdns-message.ts';

/** Of address records: RFC 6762, 10. */
export const ttlSeconds = 120;
/** Told to plain DNS clients: RFC 6762, 6.7. */
export const plainTtlSeconds = 10;

export interface LinkAddress {
  readonly type: AddressType;
  readonly address: string;
}

export const addressRecords = (name: string, addresses: readonly LinkAddress[], ttl = ttlSeconds): MdnsAddress[] =>
  addresses.map((one) => ({ name, ...one, ttlSeconds: ttl }));

/** Undefined: nothing of it is about our names, or the asker knows already. */
export function replyTo(
  message: MdnsMessage,
  isOurs: (name: string) => boolean,
  addresses: readonly LinkAddress[],
  ttl = ttlSeconds,
): MdnsReply | undefined {
  const answers = new Map<string, MdnsAddress>();
  const denials = new Map<string, MdnsReply['denials'][number]>();
  const types = [...new Set(addresses.map((one) => one.type))];
  for (const { name, type } of message.questions) {
    if (!isOurs(name)) continue;
    const wanted = addressRecords(name, addresses, ttl).filter((one) => type === 'ANY' || one.type === type);
    for (const one of wanted)
      if (!isKnown(message.answers, one)) answers.set(`${one.name} ${one.type} ${one.address}`, one);
    if (wanted.length === 0) denials.set(name, { name, types, ttlSeconds: ttl });
  }
  if (answers.size === 0 && denials.size === 0) return undefined;
  return { answers: [...answers.values()], denials: [...denials.values()] };
}

/** The asker has it for at least half of its time: RFC 6762, 7.1. */
const isKnown = (known: readonly MdnsAddress[], one: MdnsAddress): boolean =>
  known.some(
    (other) =>
      other.name === one.name &&
      other.type === one.type &&
      other.address === one.address &&
      other.ttlSeconds * 2 >= one.ttlSeconds,
  );

/** Somebody else says that the name is at an address of a type that we have, and means another. */
export function otherHolder(
  records: readonly MdnsAddress[],
  name: string,
  addresses: readonly LinkAddress[],
): string | undefined {
  return records.find(
    (one) =>
      one.name === name &&
      one.ttlSeconds > 0 &&
      addresses.some((own) => own.type === one.type) &&
      !addresses.some((own) => own.type === one.type && own.address === one.address),
  )?.address;
}

const typeNumbers: Readonly<Record<AddressType, number>> = { A: 1, AAAA: 28 };
const sortKey = ({ type, address }: LinkAddress): string =>
  [typeNumbers[type], ...rawAddress(address)].map((one) => one.toString(16).padStart(2, '0')).join(' ');

/** Two hosts probe for a name at once: the one with the later records has it (RFC 6762, 8.2). */
export function winsProbe(own: readonly LinkAddress[], theirs: readonly LinkAddress[]): boolean {
  const [ours, others] = [own.map(sortKey).toSorted(), theirs.map(sortKey).toSorted()];
  for (let at = 0; at < Math.max(ours.length, others.length); at++) {
    const [mine = '', other = ''] = [ours[at], others[at]];
    if (mine !== other) return mine > other;
  }
  return true;
}

function rawAddress(address: string): number[] {
  if (!address.includes(':')) return address.split('.').map(Number);
  const [head = '', tail] = address.split('::');
  const groups = (text: string) =>
    text
      .split(':')
      .filter(Boolean)
      .map((one) => Number.parseInt(one, 16));
  const [first, last] = [groups(head), tail === undefined ? [] : groups(tail)];
  const middle = Array.from({ length: tail === undefined ? 0 : 8 - first.length - last.length }, () => 0);
  return [...first, ...middle, ...last].flatMap((one) => [one >> 8, one & 0xff]);
}
