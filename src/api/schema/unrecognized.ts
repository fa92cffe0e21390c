// How upstream words it when a body is not what it should be: with what the body says it is, or, when that is not known, with
// the body's beginning.
import { badRequestError, type ApiError } from '../status.ts';

const sourceBytesMax = 30;

/** JSON is shown, anything else in hexadecimal digits. */
function summary(source: Uint8Array): string {
  if (source.length === 0) return '<empty>';
  const part = Buffer.from(source.subarray(0, sourceBytesMax));
  const text = part[0] === 0x7b ? part.toString('utf8') : part.toString('hex');
  return source.length > sourceBytesMax ? `${text} ...` : text;
}

/** `source` undefined: it did not come as bytes. */
export const unrecognized = (kind: string, cause: string, source?: Uint8Array): ApiError =>
  badRequestError(
    `the object provided is unrecognized (must be of type ${kind}): ${cause}${source === undefined ? '' : ` (${summary(source)})`}`,
  );

export const notRegistered = (apiVersion: string, kind: string): string =>
  `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`;

export const versionKindError = (cause: string): string => `couldn't get version/kind; json parse error: ${cause}`;
