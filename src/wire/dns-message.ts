// DNS messages to and from bytes: the part of dns-packet that the cluster DNS needs, with typed response codes and size limits.
import dnsPacket, { type Answer, type RecordType } from 'dns-packet';

export type DnsRecord = Answer;
export type DnsRecordType = RecordType;

export const responseCode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noName: 3,
  notImplemented: 4,
  refused: 5,
} as const;

export interface DnsQuestion {
  /** As asked: the answer repeats it, upper case letters included. */
  readonly name: string;
  readonly type: DnsRecordType;
}

export interface DnsQuery {
  readonly id: number;
  readonly question: DnsQuestion;
  readonly recursionDesired: boolean;
  /** Bytes of a datagram that the client takes. */
  readonly sizeMax: number;
  readonly extended: boolean;
}

export interface DnsResponse {
  readonly code: number;
  readonly authoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

const classicSizeMax = 512;
/** Fits one Ethernet frame with IPv6: bigger answers go by TCP, not in fragments. */
export const datagramSizeMax = 1_232;
const authoritativeFlag = 1 << 10;
const truncatedFlag = 1 << 9;
const recursionDesiredFlag = 1 << 8;
const recursionAvailableFlag = 1 << 7;

export const emptyResponse = (code: number): DnsResponse => ({
  code,
  authoritative: false,
  answers: [],
  authorities: [],
  additionals: [],
});

/** Undefined: not a query that can be answered at all. A number: the response code it gets. */
export function decodeQuery(bytes: Uint8Array): DnsQuery | { readonly id: number; readonly code: number } | undefined {
  if (bytes.byteLength < 12) return undefined;
  const id = (bytes[0]! << 8) | bytes[1]!;
  let packet;
  try {
    packet = dnsPacket.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return (bytes[2]! & 0x80) === 0 ? { id, code: responseCode.formatError } : undefined;
  }
  if (packet.type !== 'query') return undefined;
  if (((bytes[2]! >> 3) & 0xf) !== 0) return { id, code: responseCode.notImplemented };
  const question = packet.questions?.[0];
  if (packet.questions?.length !== 1 || question === undefined) return { id, code: responseCode.formatError };
  if (question.class !== undefined && question.class !== 'IN' && question.class !== 'ANY')
    return { id, code: responseCode.notImplemented };
  const extension = packet.additionals?.find((one) => one.type === 'OPT');
  const announced = extension?.type === 'OPT' ? extension.udpPayloadSize : classicSizeMax;
  return {
    id,
    question: { name: question.name, type: question.type },
    recursionDesired: ((packet.flags ?? 0) & recursionDesiredFlag) !== 0,
    sizeMax: Math.min(datagramSizeMax, Math.max(classicSizeMax, announced)),
    extended: extension !== undefined,
  };
}

const encode = (query: DnsQuery, response: DnsResponse, flags: number): Uint8Array =>
  dnsPacket.encode({
    type: 'response',
    id: query.id,
    flags:
      flags |
      response.code |
      recursionAvailableFlag |
      (response.authoritative ? authoritativeFlag : 0) |
      (query.recursionDesired ? recursionDesiredFlag : 0),
    questions: [{ name: query.question.name, type: query.question.type, class: 'IN' }],
    answers: [...response.answers],
    authorities: [...response.authorities],
    additionals: [
      ...response.additionals,
      ...(query.extended
        ? [
            {
              type: 'OPT' as const,
              name: '.',
              udpPayloadSize: datagramSizeMax,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ]
        : []),
    ],
  });

/** `sizeMax`: of the transport. What does not fit is left out: first additional records, then answers, with the truncation flag. */
export function encodeResponse(query: DnsQuery, response: DnsResponse, sizeMax: number): Uint8Array {
  const whole = encode(query, response, 0);
  if (whole.byteLength <= sizeMax) return whole;
  const lean = encode(query, { ...response, additionals: [] }, 0);
  if (lean.byteLength <= sizeMax) return lean;
  let count = response.answers.length;
  for (;;) {
    count = Math.floor(count / 2);
    const cut = { ...response, answers: response.answers.slice(0, count), authorities: [], additionals: [] };
    const bytes = encode(query, cut, truncatedFlag);
    if (bytes.byteLength <= sizeMax || count === 0) return bytes;
  }
}

/** A bare answer to what decodeQuery refused. */
export const encodeRefusal = (id: number, code: number): Uint8Array =>
  dnsPacket.encode({ type: 'response', id, flags: code, questions: [] });

export const encodeQuestion = (id: number, question: DnsQuestion): Uint8Array =>
  dnsPacket.encode({
    type: 'query',
    id,
    flags: recursionDesiredFlag,
    questions: [{ name: question.name, type: question.type, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: datagramSizeMax,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });

/** Undefined: not the answer to this question. */
export function decodeResponse(
  bytes: Uint8Array,
  id: number,
  question: DnsQuestion,
): { readonly response: DnsResponse; readonly truncated: boolean } | undefined {
  let packet;
  try {
    packet = dnsPacket.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
  const asked = packet.questions?.[0];
  if (packet.type !== 'response' || packet.id !== id) return undefined;
  if (asked === undefined || asked.name.toLowerCase() !== question.name.toLowerCase() || asked.type !== question.type)
    return undefined;
  const flags = packet.flags ?? 0;
  return {
    truncated: (flags & truncatedFlag) !== 0,
    response: {
      code: bytes[3]! & 0xf,
      authoritative: false,
      answers: packet.answers ?? [],
      authorities: packet.authorities ?? [],
      additionals: (packet.additionals ?? []).filter((one) => one.type !== 'OPT'),
    },
  };
}
