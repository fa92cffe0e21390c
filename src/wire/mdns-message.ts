// Multicast DNS messages (RFC 6762) to and from bytes: what dns-packet reads and writes, with the bits that only they have.
import dnsPacket, { type Answer, type RecordType } from 'dns-packet';

export type AddressType = 'A' | 'AAAA';
export type MdnsQuestionType = RecordType | 'ANY';

export interface MdnsQuestion {
  readonly name: string;
  readonly type: MdnsQuestionType;
  /** An answer to the asker alone is enough. */
  readonly wantsUnicast: boolean;
}

export interface MdnsAddress {
  readonly name: string;
  readonly type: AddressType;
  readonly address: string;
  /** 0: gone. */
  readonly ttlSeconds: number;
}

export interface MdnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly questions: readonly MdnsQuestion[];
  /** Addresses only: other records are not ours to judge. */
  readonly answers: readonly MdnsAddress[];
  /** What a prober claims. */
  readonly authorities: readonly MdnsAddress[];
  readonly additionals: readonly MdnsAddress[];
}

/** Class IN with the highest bit, as dns-packet prints it. */
const unicastClass = 'UNKNOWN_32769';
/** dns-packet knows it; its types do not. */
const anyType = 'ANY' as RecordType;
const authoritativeFlag = 1 << 10;

const addressesIn = (records: readonly Answer[] | undefined): MdnsAddress[] =>
  (records ?? []).flatMap((one) =>
    (one.type === 'A' || one.type === 'AAAA') && one.class === 'IN'
      ? [{ name: one.name.toLowerCase(), type: one.type, address: one.data, ttlSeconds: one.ttl ?? 0 }]
      : [],
  );

/** Undefined: no message of multicast DNS. Names are in lower case. */
export function decodeMdns(bytes: Uint8Array): MdnsMessage | undefined {
  if (bytes.byteLength < 12 || (bytes[2]! & 0x78) !== 0) return undefined;
  try {
    const packet = dnsPacket.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return {
      id: packet.id ?? 0,
      isResponse: packet.type === 'response',
      questions: (packet.questions ?? []).flatMap(({ name, type, class: given }) => {
        const wantsUnicast = (given as string | undefined) === unicastClass;
        return wantsUnicast || given === 'IN' || given === 'ANY'
          ? [{ name: name.toLowerCase(), type, wantsUnicast }]
          : [];
      }),
      answers: addressesIn(packet.answers),
      authorities: addressesIn(packet.authorities),
      additionals: addressesIn(packet.additionals),
    };
  } catch {
    return undefined;
  }
}

/** With the bit that tells caches to forget other records of the name, where `flush`. */
const recordOf = ({ name, type, address, ttlSeconds }: MdnsAddress, flush: boolean): Answer => ({
  name,
  type,
  class: 'IN',
  ttl: ttlSeconds,
  flush,
  data: address,
});

/** Questions for anything of these names, with what is claimed. */
export const encodeProbe = (names: readonly string[], claims: readonly MdnsAddress[]): Uint8Array =>
  dnsPacket.encode({
    type: 'query',
    id: 0,
    questions: names.map((name) => ({ name, type: anyType, class: 'IN' as const })),
    authorities: claims.map((one) => recordOf(one, false)),
  });

export interface MdnsReply {
  readonly answers: readonly MdnsAddress[];
  /** Names with the only types of address that they have: other types do not exist. */
  readonly denials: readonly {
    readonly name: string;
    readonly types: readonly AddressType[];
    readonly ttlSeconds: number;
  }[];
}

/** `asked`: the message of a plain DNS client, which wants its question back and knows no caches to flush. */
export function encodeReply({ answers, denials }: MdnsReply, asked?: MdnsMessage): Uint8Array {
  const flush = asked === undefined;
  return dnsPacket.encode({
    type: 'response',
    id: asked?.id ?? 0,
    flags: authoritativeFlag,
    questions: (asked?.questions ?? []).map(({ name, type }) => ({
      name,
      type: type as RecordType,
      class: 'IN' as const,
    })),
    answers: [
      ...answers.map((one) => recordOf(one, flush)),
      ...denials.map(({ name, types, ttlSeconds }) => ({
        name,
        type: 'NSEC' as const,
        class: 'IN' as const,
        ttl: ttlSeconds,
        flush,
        data: { nextDomain: name, rrtypes: [...types] },
      })),
    ],
  });
}
