// ClusterTrustBundle: authorities that a signer's certificates are trusted by.
import { X509Certificate } from 'node:crypto';
import { invalid, tooLong, type FieldError } from '../../field-error.ts';
import type { ClusterTrustBundleCertificatesV1beta1 as ClusterTrustBundle } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { byteLength, nameIsDnsSubdomain } from '../../meta/names.ts';
import { immutable, texts } from '../../validation/fields.ts';
import { pemBlocks, signerNameErrors, type PemBlock } from '../../validation/signers.ts';

const bundleBytesMax = 1024 * 1024;

function nameProblems(signer: string, name: string, prefix: boolean): string[] {
  if (signer === '')
    return name.includes(':')
      ? ['ClusterTrustBundle without signer name must not have ":" in its name']
      : nameIsDnsSubdomain(name, prefix);
  const beginning = `${signer.replaceAll('/', ':')}:`;
  return name.startsWith(beginning)
    ? nameIsDnsSubdomain(name.slice(beginning.length), prefix)
    : [`ClusterTrustBundle for signerName ${signer} must be named with prefix ${beginning}`];
}

function blockProblem({ type, hasHeaders, bytes }: PemBlock): string | undefined {
  if (type !== 'CERTIFICATE') return `has bad block type: ${type}`;
  if (hasHeaders) return 'has PEM block headers';
  try {
    return new X509Certificate(bytes).ca ? undefined : 'does not have the CA bit set';
  } catch {
    return 'does not parse as X.509';
  }
}

function bundleErrors(path: string, bundle: string): FieldError[] {
  if (byteLength(bundle) > bundleBytesMax) return [tooLong(path, bundleBytesMax)];
  const wrong = (detail: string) => invalid(path, '<value omitted>', detail);
  const errors: FieldError[] = [];
  const seen = new Map<string, number[]>();
  let index = 0;
  for (const block of pemBlocks(bundle)) {
    const problem = blockProblem(block);
    if (problem !== undefined) errors.push(wrong(`entry ${index} ${problem}`));
    const key = block.bytes.toString('base64');
    seen.set(key, [...(seen.get(key) ?? []), index]);
    index++;
  }
  if (errors.length > 0) return errors;
  if (seen.size === 0) return [wrong('at least one trust anchor must be provided')];
  return [...seen.values()]
    .filter((indices) => indices.length > 1)
    .map((indices) => wrong(`duplicate trust anchor (indices [${indices.join(' ')}])`));
}

function validate(object: ClusterTrustBundle, previous?: ClusterTrustBundle): FieldError[] {
  const spec: Partial<ClusterTrustBundle['spec']> = object.spec ?? {};
  const { signerName = '', trustBundle = '' } = spec;
  const { name = '', generateName = '' } = object.metadata;
  return [
    ...(generateName === ''
      ? []
      : texts('metadata.generateName', generateName, nameProblems(signerName, generateName, true))),
    ...(name === '' ? [] : texts('metadata.name', name, nameProblems(signerName, name, false))),
    ...(signerName === '' ? [] : signerNameErrors('spec.signerName', signerName)),
    ...(previous !== undefined && (previous.spec?.trustBundle ?? '') === trustBundle
      ? []
      : bundleErrors('spec.trustBundle', trustBundle)),
    ...(previous === undefined ? [] : immutable('spec.signerName', signerName, previous.spec?.signerName ?? '')),
  ];
}

export const clusterTrustBundle: KindBehaviour<ClusterTrustBundle> = {
  validate: (object) => validate(object),
  validateUpdate: (object, previous) => validate(object, previous),
};
