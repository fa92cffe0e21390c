// Signs the ConfigMap kube-public/cluster-info with each bootstrap token that may sign: who holds such a token can tell that the
// authority named there is this cluster's, before it trusts anything else. Who makes the ConfigMap is kubeadm, or an administrator.
import { createHmac } from 'node:crypto';
import { ConfigMaps } from '#api/generated/kind-references.ts';
import type { ConfigMap, Secret } from '#api/generated/types.ts';
import { bootstrapTokenExpiry, bootstrapTokenHasExpired } from '#rules/bootstrap-token.ts';
import { secretText } from '#rules/secret-text.ts';
import { nothing, update, type Decision } from '../runtime/action.ts';

export interface BootstrapSignerSnapshot {
  readonly clusterInfo: ConfigMap | undefined;
  /** Bootstrap tokens. */
  readonly tokens: readonly Secret[];
}

const signedKey = 'kubeconfig';
const signaturePrefix = 'jws-kubeconfig-';
const secretName = /^bootstrap-token-([a-z0-9]{6})$/;

const base64 = (text: string): string => Buffer.from(text).toString('base64url');

/** RFC 7515, appendix F: a JWS whose content is elsewhere. */
export function detachedSignature(content: string, tokenId: string, tokenSecret: string): string {
  const header = base64(JSON.stringify({ alg: 'HS256', kid: tokenId }));
  const signature = createHmac('sha256', tokenSecret)
    .update(`${header}.${base64(content)}`)
    .digest('base64url');
  return `${header}..${signature}`;
}

/** Undefined: it does not sign, or not any more. */
function signerOf(secret: Secret, now: number): { readonly id: string; readonly secret: string } | undefined {
  const id = secretText(secret, 'token-id');
  const text = secretText(secret, 'token-secret');
  if (id === '' || secretName.exec(secret.metadata.name!)?.[1] !== id || text === '') return undefined;
  if (bootstrapTokenHasExpired(secret, now) || secretText(secret, 'usage-bootstrap-signing') !== 'true')
    return undefined;
  return { id, secret: text };
}

export function decide({ clusterInfo, tokens }: BootstrapSignerSnapshot, now: number): Decision {
  const content = clusterInfo?.data?.[signedKey];
  if (clusterInfo === undefined || content === undefined) return nothing;
  const isSignature = (key: string): boolean => key.startsWith(signaturePrefix);
  const before = Object.entries(clusterInfo.data ?? {});
  const signers = tokens.flatMap((one) => signerOf(one, now) ?? []);
  const signatures = signers.map(
    ({ id, secret }) => [`${signaturePrefix}${id}`, detachedSignature(content, id, secret)] as const,
  );
  const isSame =
    before.filter(([key]) => isSignature(key)).length === signatures.length &&
    signatures.every(([key, value]) => clusterInfo.data?.[key] === value);
  const expiries = tokens.flatMap((one) => bootstrapTokenExpiry(one) ?? []).filter((one) => one > now);
  const data = Object.fromEntries([...before.filter(([key]) => !isSignature(key)), ...signatures]);
  return {
    actions: isSame ? [] : [update(ConfigMaps, { ...clusterInfo, data })],
    wakeAfterMs: expiries.length === 0 ? undefined : Math.min(...expiries) - now,
  };
}
