// Signs service account tokens (JWT, ES256) with the cluster's key. Checking them is the API server's.
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';

export interface TokenKey {
  /** As upstream's: base64url of the SHA-256 of the public key's DER form. */
  readonly id: string;
  readonly publicKey: KeyObject;
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
  /** For the few that are made by a decision. */
  signNow(claims: Readonly<Record<string, unknown>>): string;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function createTokenKey(privateKeyPem: string): TokenKey {
  const privateKey = createPrivateKey(privateKeyPem);
  const publicKey = createPublicKey(privateKey);
  const id = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  const header = encode({ alg: 'ES256', kid: id });
  return {
    id,
    publicKey,
    signNow(claims) {
      const content = `${header}.${encode(claims)}`;
      const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${content}.${signature.toString('base64url')}`;
    },
    sign(claims) {
      const content = `${header}.${encode(claims)}`;
      return new Promise((resolve, reject) =>
        sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' }, (error, signature) =>
          error === null ? resolve(`${content}.${signature.toString('base64url')}`) : reject(error),
        ),
      );
    },
  };
}
