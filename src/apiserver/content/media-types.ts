// Media types of answers: what the client takes, in its order of preference, against what the server writes. As upstream: the
// order is that of its parser, which puts a definite type before a wildcard whatever their qualities say.

export type Encoding = 'json' | 'yaml' | 'protobuf' | 'cbor';

export const mediaTypeByEncoding: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
  cbor: 'application/cbor',
};
/** In the order in which they are offered. */
export const encodings: readonly Encoding[] = ['json', 'yaml', 'protobuf', 'cbor'];
const everyObjectType: readonly string[] = encodings.map((encoding) => mediaTypeByEncoding[encoding]);
const objectTypes: readonly string[] = everyObjectType.filter((type) => type !== mediaTypeByEncoding.cbor);
/** YAML has no streams; of CBOR they are a sequence (RFC 8742). */
export const streamTypeOf = (encoding: Encoding): string =>
  encoding === 'cbor' ? 'application/cbor-seq' : `${mediaTypeByEncoding[encoding]};stream=watch`;
const streamTypes: readonly string[] = (['json', 'protobuf'] as const).map(streamTypeOf);
const everyStreamType: readonly string[] = [...streamTypes, streamTypeOf('cbor')];

export const objectMediaTypes = (withCbor: boolean): readonly string[] => (withCbor ? everyObjectType : objectTypes);
export const streamMediaTypes = (withCbor: boolean): readonly string[] => (withCbor ? everyStreamType : streamTypes);

export interface AcceptTerm {
  /** Lower case, such as `application/json`. */
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

function parseTerm(term: string): AcceptTerm[] {
  const [first = '', ...rest] = term.split(';').map((part) => part.trim());
  const type = first === '*' ? '*/*' : first.toLowerCase();
  if (type.split('/').length !== 2) return [];
  const parameters: Record<string, string> = {};
  let quality = 1;
  for (const one of rest) {
    const equals = one.indexOf('=');
    if (equals <= 0) continue;
    const [name, value] = [one.slice(0, equals).trim(), one.slice(equals + 1).trim()];
    if (name === 'q') quality = Number.isNaN(Number(value)) ? 1 : Number(value);
    else parameters[name] = value;
  }
  return [{ type, parameters, quality }];
}

/** Whether upstream's order puts `a` before `b`; not a total order, and so the way of sorting is part of it. */
const comesBefore = (a: AcceptTerm, b: AcceptTerm): boolean =>
  a.quality > b.quality ||
  (!a.type.startsWith('*/') && b.type.startsWith('*/')) ||
  (!a.type.endsWith('/*') && b.type.endsWith('/*'));

/** More terms than any client sends are not looked at. */
const termsMax = 64;

export function parseAccept(header: string): readonly AcceptTerm[] {
  const terms = header.split(',', termsMax).flatMap(parseTerm);
  for (let end = 1; end < terms.length; end++)
    for (let at = end; at > 0 && comesBefore(terms[at]!, terms[at - 1]!); at--)
      [terms[at], terms[at - 1]] = [terms[at - 1]!, terms[at]!];
  return terms;
}

const covers = (accepted: string, offered: string): boolean =>
  accepted === offered || accepted === '*/*' || (accepted.endsWith('/*') && offered.startsWith(accepted.slice(0, -1)));

/** The first pair of a term and an encoding that the endpoint allows. */
export function firstAccepted<Form>(
  header: string,
  allow: (encoding: Encoding, parameters: AcceptTerm['parameters']) => Form | undefined,
): Form | undefined {
  for (const { type, parameters } of parseAccept(header))
    for (const encoding of encodings) {
      if (!covers(type, mediaTypeByEncoding[encoding])) continue;
      const form = allow(encoding, parameters);
      if (form !== undefined) return form;
    }
  return undefined;
}

/** What upstream's router asks before its handlers do: one of the types by name, or anything. */
export const namesOneOf = (header: string, types: readonly string[]): boolean =>
  header.split(',', termsMax).some((term) => {
    const type = term.split(';', 1)[0]!.trim();
    return type === '*/*' || types.includes(type);
  });
