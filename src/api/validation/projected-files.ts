// Files that a volume is made of: items of ConfigMaps and Secrets, the downward API, and all of them projected into one.
import { forbidden, invalid, required, type FieldError } from '../field-error.ts';
import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource } from '../generated/types.ts';
import { validateLabelSelector } from '../meta/label-selector.ts';
import { fileInVolume, fileMode, isAbsent, oneOf, requiredText } from './fields.ts';
import { fieldReferenceErrors, fileFieldPaths, resourceReferenceErrors } from './pod-references.ts';

const itemErrors = (path: string, item: KeyToPath): FieldError[] => [
  ...requiredText(`${path}.key`, item.key),
  ...requiredText(`${path}.path`, item.path),
  ...fileInVolume(`${path}.path`, item.path ?? ''),
  ...fileMode(`${path}.mode`, item.mode),
];
export const itemsErrors = (path: string, items: readonly KeyToPath[] | undefined): FieldError[] =>
  (items ?? []).flatMap((item, index) => itemErrors(`${path}.items[${index}]`, item));

export function downwardFileErrors(path: string, file: DownwardAPIVolumeFile): FieldError[] {
  const errors = [...requiredText(`${path}.path`, file.path), ...fileInVolume(`${path}.path`, file.path ?? '')];
  if (file.fieldRef !== undefined) {
    errors.push(...fieldReferenceErrors(`${path}.fieldRef`, file.fieldRef, fileFieldPaths));
    if (file.resourceFieldRef !== undefined)
      errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (file.resourceFieldRef !== undefined)
    errors.push(...resourceReferenceErrors(`${path}.resourceFieldRef`, file.resourceFieldRef, true));
  else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  return [...errors, ...fileMode(`${path}.mode`, file.mode)];
}

export function projectedErrors(path: string, projected: ProjectedVolumeSource): FieldError[] {
  const errors = fileMode(`${path}.defaultMode`, projected.defaultMode);
  const paths = new Set<string>();
  const claim = (file: string | undefined, shown: unknown) => {
    if (file === undefined || file === '') return;
    if (paths.has(file)) errors.push(invalid(path, shown, 'conflicting duplicate paths'));
    paths.add(file);
  };
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const at = `${path}.sources[${index}]`;
    for (const kind of ['secret', 'configMap'] as const) {
      const one = source[kind];
      if (one === undefined) continue;
      errors.push(...requiredText(`${at}.${kind}.name`, one.name), ...itemsErrors(`${at}.${kind}`, one.items));
      for (const item of one.items ?? []) claim(item.path, one.name ?? '');
    }
    for (const file of source.downwardAPI?.items ?? []) {
      errors.push(...downwardFileErrors(`${at}.downwardAPI`, file));
      claim(file.path, file.path);
    }
    const token = source.serviceAccountToken;
    if (token !== undefined) {
      const seconds = token.expirationSeconds ?? 3600;
      const secondsPath = `${at}.serviceAccountToken.expirationSeconds`;
      if (seconds < 600) errors.push(invalid(secondsPath, seconds, 'may not specify a duration less than 10 minutes'));
      if (seconds > 2 ** 32)
        errors.push(invalid(secondsPath, seconds, 'may not specify a duration larger than 2^32 seconds'));
      // Upstream names the volume here, not the source.
      errors.push(...(isAbsent(token.path) ? [required(`${path}.path`)] : fileInVolume(`${path}.path`, token.path)));
    }
    const bundle = source.clusterTrustBundle;
    if (bundle !== undefined) {
      const of = `${at}.clusterTrustBundle`;
      if (bundle.name !== undefined && bundle.signerName !== undefined)
        errors.push(invalid(of, bundle, 'only one of name and signerName may be used'));
      else if (bundle.name !== undefined) {
        errors.push(...requiredText(`${of}.name`, bundle.name, 'must be a valid object name'));
        if (bundle.labelSelector !== undefined)
          errors.push(
            invalid(`${of}.labelSelector`, bundle.labelSelector, 'labelSelector must be unset if name is specified'),
          );
      } else if (bundle.signerName !== undefined)
        errors.push(
          ...requiredText(`${of}.signerName`, bundle.signerName, 'must be a valid signer name'),
          ...validateLabelSelector(bundle.labelSelector, `${of}.labelSelector`),
        );
      else errors.push(required(of, 'either name or signerName must be specified'));
      errors.push(...requiredText(`${of}.path`, bundle.path), ...fileInVolume(`${of}.path`, bundle.path ?? ''));
      claim(bundle.path, bundle.path);
    }
    const certificate = source.podCertificate;
    if (certificate !== undefined) {
      const of = `${at}.podCertificate`;
      errors.push(
        ...oneOf(`${of}.keyType`, certificate.keyType, [
          'RSA3072',
          'RSA4096',
          'ECDSAP256',
          'ECDSAP384',
          'ECDSAP521',
          'ED25519',
        ]),
      );
      const files = (['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const).filter(
        (name) => !isAbsent(certificate[name]),
      );
      for (const name of files) {
        errors.push(...fileInVolume(`${of}.${name}`, certificate[name]!));
        claim(certificate[name], certificate[name]);
      }
      if (files.length === 0)
        errors.push(required(of, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'));
    }
    if (Object.values(source).filter((one) => one !== undefined).length > 1)
      errors.push(forbidden(at, 'may not specify more than 1 volume type per source'));
  }
  return errors;
}
