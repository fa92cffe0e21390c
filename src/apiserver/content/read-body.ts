// The request's body as a value: bytes from the network are parsed once; an in-process object is passed on as it is,
// for decoding makes a new object from it.
import { requestBodyBytesMax, yamlInPlaceBytesMax } from '#base/limits.ts';
import { messageOf } from '#base/errors.ts';
import { badRequestError, requestEntityTooLargeError, unsupportedMediaTypeError } from '#api/status.ts';
import type { ApiRequest } from '#api/request.ts';
import { cannotHandle } from '#api/schema/decode.ts';
import { unrecognized, versionKindError } from '#api/schema/unrecognized.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { mergedJson } from '#wire/json-merged.ts';
import { JsonSyntaxError, keyPositions, parseJson } from '#wire/json.ts';
import { mediaTypeByEncoding, objectMediaTypes } from './media-types.ts';

export interface ParsedBody {
  readonly value: unknown;
  /** What occurs twice, in the words of upstream's decoders. */
  readonly duplicates: readonly string[];
  readonly inOrder?: ((unknown: readonly string[]) => readonly string[]) | undefined;
  readonly format?: 'json' | 'yaml' | undefined;
  readonly asWritten?: unknown;
  readonly ignoresUnknown?: boolean | undefined;
  /** As it came. */
  readonly source?: Uint8Array | undefined;
}

const protobufType = mediaTypeByEncoding.protobuf;
const cborType = mediaTypeByEncoding.cbor;
const textEncodingOf = (mediaType: string): TextEncoding =>
  mediaType.endsWith('yaml') ? 'yaml' : mediaType.endsWith('cbor') ? 'cbor' : 'json';

export const mediaTypeOf = (request: ApiRequest): string =>
  (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();

export const unknownFormatError = (accepted: string) =>
  unsupportedMediaTypeError(
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  );

/** Undefined: there is no body. */
export async function readBytes(request: ApiRequest): Promise<Uint8Array | undefined> {
  if (request.body.type !== 'bytes') return undefined;
  const bytes = await request.body.read(requestBodyBytesMax);
  if (bytes.length > requestBodyBytesMax)
    throw requestEntityTooLargeError(`Request entity too large: limit is ${requestBodyBytesMax}`);
  return bytes.length === 0 ? undefined : bytes;
}

/** Both kinds of mistakes as upstream meets them: a field where it stands, what comes twice where it comes again. */
function inOrder(bytes: Uint8Array, unknown: readonly string[], duplicates: readonly string[]): string[] {
  const positions = keyPositions(bytes, new Set([...unknown, ...duplicates]));
  const placed = [
    ...unknown.map((path) => ({ text: `unknown field ${JSON.stringify(path)}`, at: positions.get(path)?.first ?? 0 })),
    ...duplicates.map((path) => ({
      text: `duplicate field ${JSON.stringify(path)}`,
      at: positions.get(path)?.again ?? 0,
    })),
  ];
  return placed.toSorted((a, b) => a.at - b.at).map(({ text }) => text);
}

type TextEncoding = 'json' | 'yaml' | 'cbor';

/** Throws what the parser throws for a text that is no JSON or YAML, or bytes that are no CBOR. */
async function parseText(
  bytes: Uint8Array,
  encoding: TextEncoding,
  duplicates: boolean,
  signal: AbortSignal,
): Promise<ParsedBody> {
  if (encoding === 'cbor') {
    const { decodeCborMap } = await import('#api/cbor/decode.ts');
    return { value: decodeCborMap(bytes) ?? null, duplicates: [] };
  }
  if (encoding === 'json') {
    const parsed = parseJson(bytes, { duplicates });
    return {
      ...parsed,
      duplicates: parsed.duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
      inOrder: (unknown) => inOrder(bytes, unknown, parsed.duplicates),
    };
  }
  if (bytes.length > yamlInPlaceBytesMax) {
    const { parseYamlOnThread } = await import('#host/yaml-thread.ts');
    return { ...(await parseYamlOnThread({ bytes, duplicates }, signal)), format: 'yaml' };
  }
  const { parseYaml } = await import('#wire/yaml.ts');
  return { ...(await parseYaml(bytes, { duplicates })), format: 'yaml' };
}

/** A patch, or what an apply is made from. Throws an ApiError (400) in the words of its type. */
export async function parsePatch(
  bytes: Uint8Array,
  encoding: TextEncoding,
  prefix: string,
  { duplicates, signal }: { readonly duplicates: boolean; readonly signal: AbortSignal },
): Promise<ParsedBody> {
  try {
    return await parseText(bytes, encoding, duplicates, signal);
  } catch (error) {
    throw badRequestError(
      `${prefix}${encoding === 'yaml' ? 'error converting YAML to JSON: ' : ''}${messageOf(error)}`,
    );
  }
}

/** What a body should be. */
export interface BodyTarget {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Of custom resources: they are decoded without a type. */
  readonly custom?: unknown;
  /** Of a row. */
  readonly typeName?: string | undefined;
}

/** Typed clients send their objects so; the codec is loaded when the first does. */
async function parseProtobuf(bytes: Uint8Array, target: BodyTarget | undefined): Promise<unknown> {
  const { decodeProtobuf } = await import('#api/protobuf/decode.ts');
  return decodeProtobuf(bytes, target && { kind: target.kind, apiVersion: apiVersionOf(target) });
}

async function parseCbor(bytes: Uint8Array, target: BodyTarget, isStrict: boolean): Promise<ParsedBody> {
  const { decodeCbor } = await import('#api/cbor/decode.ts');
  const { kind, typeName, custom } = target;
  const wanted = { kind, typeName, apiVersion: apiVersionOf(target), isCustom: custom !== undefined };
  const { value, unknown } = decodeCbor(bytes, wanted, isStrict);
  return { value, duplicates: unknown, ignoresUnknown: wanted.isCustom };
}

/** Throws an ApiError (400) with what the body says it is, or its beginning. */
async function parseBody(
  bytes: Uint8Array,
  mediaType: string,
  target: BodyTarget,
  duplicates: boolean,
  signal: AbortSignal,
): Promise<ParsedBody> {
  try {
    if (mediaType === protobufType) return { value: await parseProtobuf(bytes, target), duplicates: [] };
    if (mediaType === cborType) return await parseCbor(bytes, target, duplicates);
    const isYaml = mediaType.endsWith('yaml');
    const isTyped = !isYaml && target.custom === undefined;
    const parsed = await parseText(bytes, isYaml ? 'yaml' : 'json', duplicates || isTyped, signal);
    if (!isTyped || parsed.duplicates.length === 0) return parsed;
    return {
      ...parsed,
      value: mergedJson(bytes) ?? parsed.value,
      duplicates: duplicates ? parsed.duplicates : [],
      asWritten: undefined,
    };
  } catch (error) {
    const message = messageOf(error);
    if (error instanceof JsonSyntaxError) throw unrecognized(target.kind, versionKindError(message), bytes);
    const claimed = (error as { readonly claimed?: { readonly apiVersion: string; readonly kind: string } }).claimed;
    if (claimed === undefined) throw unrecognized(target.kind, message, bytes);
    throw cannotHandle(claimed.kind, claimed.apiVersion.slice(claimed.apiVersion.indexOf('/') + 1), target, message);
  }
}

/** The value of bytes that were read before, a patch's included; throws as reading does. */
export async function decodedBody(request: ApiRequest, bytes: Uint8Array): Promise<unknown> {
  const mediaType = mediaTypeOf(request);
  if (mediaType === protobufType) return parseProtobuf(bytes, undefined);
  return (await parseText(bytes, textEncodingOf(mediaType), false, request.signal)).value;
}

/** Undefined: no body was sent. `duplicates`: keys that occur twice are wanted (field validation). */
export async function readBody(
  request: ApiRequest,
  target: BodyTarget,
  duplicates = false,
): Promise<ParsedBody | undefined> {
  if (request.body.type === 'object') return { value: request.body.object, duplicates: [] };
  const source = await readBytes(request);
  return source === undefined ? undefined : parseAs(request, source, target, duplicates);
}

/** The same where there must be a body: nothing is a text like others, and mostly not a valid one. */
export async function readWrittenBody(
  request: ApiRequest,
  target: BodyTarget,
  duplicates = false,
): Promise<ParsedBody> {
  if (request.body.type === 'object') return { value: request.body.object, duplicates: [] };
  return parseAs(request, (await readBytes(request)) ?? new Uint8Array(), target, duplicates);
}

async function parseAs(
  request: ApiRequest,
  source: Uint8Array,
  target: BodyTarget,
  duplicates: boolean,
): Promise<ParsedBody> {
  const mediaType = mediaTypeOf(request);
  const types = objectMediaTypes(request.takesCbor === true);
  if (mediaType !== '' && !types.includes(mediaType)) throw unknownFormatError(types.join(', '));
  return { ...(await parseBody(source, mediaType, target, duplicates, request.signal)), source };
}
