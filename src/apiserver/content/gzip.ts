// Long answers are packed for those who take that.

/** As upstream. */
const packedBytesMin = 128 * 1024;
const level = 1;

export const isPacked = (acceptEncoding: unknown, length: number): boolean =>
  length > packedBytesMin &&
  acceptEncoding !== undefined &&
  /(^|,)\s*gzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(String(acceptEncoding));

export async function pack(parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const { gzip } = await import('node:zlib');
  return new Promise((resolve, reject) => {
    gzip(Buffer.concat(parts), { level }, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** The Vary header of such an answer. */
export const withAcceptEncoding = (vary: string | undefined): string =>
  vary === undefined ? 'Accept-Encoding' : vary.includes('Accept-Encoding') ? vary : `${vary}, Accept-Encoding`;
