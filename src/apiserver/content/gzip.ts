// Long answers are packed for those who take that.

/** Upstream's: below this the saving is not worth the work. */
const packedBytesMin = 128 * 1024;
const level = 1;

/** `length` undefined: nobody knows, but it is long. */
export const isPacked = (acceptEncoding: string | undefined, length: number | undefined): boolean =>
  (length === undefined || length > packedBytesMin) &&
  /(^|,)\s*gzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(acceptEncoding ?? '');

export async function pack(parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const { gzip } = await import('node:zlib');
  return new Promise((resolve, reject) => {
    gzip(Buffer.concat(parts), { level }, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** The same as a stream. */
export async function packer() {
  const { createGzip } = await import('node:zlib');
  return createGzip({ level });
}

/** The Vary header of such an answer. */
export const withAcceptEncoding = (vary: string | undefined): string =>
  vary === undefined ? 'Accept-Encoding' : vary.includes('Accept-Encoding') ? vary : `${vary}, Accept-Encoding`;
