// LeaseCandidate: one who would hold a Lease, with what it can do.
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { LeaseCandidateCoordinationV1beta1 as LeaseCandidate } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { compareVersions, semanticVersion, type SemanticVersion } from '../../meta/semantic-version.ts';
import { immutable } from '../../validation/fields.ts';
import { strategyErrors } from './lease.ts';

const none: SemanticVersion = { numbers: [0, 0, 0], before: [] };
const notAVersion = 'must be a valid semantic version';

function validate(object: LeaseCandidate): FieldError[] {
  const spec: Partial<LeaseCandidate['spec']> = object.spec ?? {};
  const { leaseName = '', binaryVersion = '', emulationVersion = '', strategy = '' } = spec;
  const errors = leaseName === '' ? [required('spec.leaseName')] : [];
  const [emulated, binary] = [emulationVersion, binaryVersion].map(semanticVersion);
  if (emulationVersion !== '' && emulated === undefined)
    errors.push(invalid('spec.emulationVersion', emulationVersion, notAVersion));
  if (binaryVersion === '') errors.push(required('spec.binaryVersion'));
  else if (binary === undefined) errors.push(invalid('spec.binaryVersion', binaryVersion, notAVersion));
  if (binaryVersion !== '' && emulationVersion !== '' && compareVersions(binary ?? none, emulated ?? none) < 0)
    errors.push(invalid('spec.binaryVersion', binaryVersion, 'must be greater than or equal to `emulationVersion`'));
  if (strategy === '') return [...errors, required('spec.strategy')];
  if (strategy === 'OldestEmulationVersion' && compareVersions(emulated ?? none, none) === 0)
    errors.push(required('spec.emulationVersion', "must be specified when `strategy` is 'OldestEmulationVersion'"));
  return [...errors, ...strategyErrors('spec.strategy', strategy)];
}

export const leaseCandidate: KindBehaviour<LeaseCandidate> = {
  validate,
  validateUpdate: (object, previous) => [
    ...validate(object),
    ...immutable('spec.leaseName', object.spec?.leaseName ?? '', previous.spec?.leaseName ?? ''),
  ],
};
