// The digest under a certificate's signature, as far as it is too weak to be served: Node does not tell it. Pure.

/** DER of the object identifiers, in hexadecimal. */
const weak: ReadonlyMap<string, string> = new Map([
  ['2a864886f70d010105', 'SHA1'], // sha1WithRSAEncryption
  ['2a8648ce3d0401', 'SHA1'], // ecdsa-with-SHA1
  ['2a8648ce380403', 'SHA1'], // dsa-with-sha1
  ['2a864886f70d010104', 'MD5'], // md5WithRSAEncryption
  ['2a864886f70d010102', 'MD2'], // md2WithRSAEncryption
]);

interface Element {
  /** Where the content begins, and where it ends. */
  readonly from: number;
  readonly to: number;
}

function elementAt(der: Uint8Array, offset: number): Element {
  const first = der[offset + 1] ?? 0;
  if (first < 0x80) return { from: offset + 2, to: offset + 2 + first };
  let length = 0;
  for (let index = 0; index < (first & 0x7f); index++) length = length * 256 + (der[offset + 2 + index] ?? 0);
  const from = offset + 2 + (first & 0x7f);
  return { from, to: from + length };
}

/** `SHA1`, `MD5`, `MD2`; undefined: none of these. A certificate is a sequence of its body, the algorithm and the signature. */
export function signatureDigest(der: Uint8Array): string | undefined {
  const body = elementAt(der, elementAt(der, 0).from);
  const algorithm = elementAt(der, body.to);
  const identifier = elementAt(der, algorithm.from);
  return weak.get(Buffer.from(der.subarray(identifier.from, identifier.to)).toString('hex'));
}
