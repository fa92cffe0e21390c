// The request's body as a value: bytes from the network are parsed once; an in-process object is passed on as it is,
// for decoding makes a new object from it.
import { requestBodyBytesMax } from '#base/limits.ts';
import { messageOf } from '#base/errors.ts';
import { badRequestError, requestEntityTooLargeError, unsupportedMediaTypeError } from '#api/status.ts';
import type { ApiRequest } from '#api/request.ts';
import { parseJson } from '#wire/json.ts';

export interface ParsedBody {
  readonly value: unknown;
  /** What occurs twice, in the words of upstream's decoders. */
  readonly duplicates: readonly string[];
}

const protobufType = 'application/vnd.kubernetes.protobuf';
const acceptedTypes = `application/json, application/yaml, ${protobufType}`;

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

/** Throws an ApiError (400) for a text that is no JSON or YAML. */
export async function parseBytes(
  bytes: Uint8Array,
  encoding: 'json' | 'yaml',
  duplicates: boolean,
): Promise<ParsedBody> {
  try {
    if (encoding === 'json') {
      const parsed = parseJson(bytes, { duplicates });
      return { ...parsed, duplicates: parsed.duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`) };
    }
    const { parseYaml } = await import('#wire/yaml.ts');
    const parsed = await parseYaml(bytes, { duplicates });
    if (parsed.duplicates.length === 0) return parsed;
    return { value: parsed.value, duplicates: [`yaml: unmarshal errors:\n  ${parsed.duplicates.join('\n  ')}`] };
  } catch (error) {
    throw badRequestError(
      encoding === 'yaml' ? `error converting YAML to JSON: ${messageOf(error)}` : messageOf(error),
    );
  }
}

/** Typed clients send their objects so; the codec is loaded when the first does. */
async function parseProtobuf(bytes: Uint8Array): Promise<unknown> {
  const { decodeProtobuf } = await import('#api/protobuf/decode.ts');
  try {
    return decodeProtobuf(bytes);
  } catch (error) {
    throw badRequestError(messageOf(error));
  }
}

/** The value of bytes that were read before, a patch's included; throws as reading does. */
export async function decodedBody(request: ApiRequest, bytes: Uint8Array): Promise<unknown> {
  const mediaType = mediaTypeOf(request);
  if (mediaType === protobufType) return parseProtobuf(bytes);
  return (await parseBytes(bytes, mediaType.endsWith('yaml') ? 'yaml' : 'json', false)).value;
}

/** Undefined: no body was sent. `duplicates`: keys that occur twice are wanted (field validation). */
export async function readBody(request: ApiRequest, duplicates = false): Promise<ParsedBody | undefined> {
  if (request.body.type === 'object') return { value: request.body.object, duplicates: [] };
  const bytes = await readBytes(request);
  if (bytes === undefined) return undefined;
  const mediaType = mediaTypeOf(request);
  if (mediaType === protobufType) return { value: await parseProtobuf(bytes), duplicates: [] };
  if (mediaType !== '' && mediaType !== 'application/json' && mediaType !== 'application/yaml')
    throw unknownFormatError(acceptedTypes);
  return parseBytes(bytes, mediaType === 'application/yaml' ? 'yaml' : 'json', duplicates);
}
