// What is odd about a served Route, for an event: upstream serves such certificates too, and nobody hears of it. Pure.
import type { Route } from '#api/generated/types.ts';
import { routeCertificates } from './route-certificates.ts';

export function certificateNotes(
  { spec }: Route,
  nowMs: number,
): readonly { readonly reason: string; readonly message: string }[] {
  const leaf = spec.tls === undefined ? undefined : routeCertificates(spec.tls).leaf;
  if (leaf === undefined) return [];
  const host = spec.host ?? '';
  return [
    ...(Date.parse(leaf.validTo) < nowMs
      ? [
          {
            reason: 'CertificateExpired',
            message: `the certificate expired at ${leaf.validTo}; clients will refuse it`,
          },
        ]
      : []),
    ...(host !== '' && spec.wildcardPolicy !== 'Subdomain' && leaf.checkHost(host) === undefined
      ? [{ reason: 'CertificateNotForHost', message: `the certificate is not for ${host}; clients will refuse it` }]
      : []),
  ];
}
