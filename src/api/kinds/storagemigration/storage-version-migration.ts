// StorageVersionMigration: somebody asks that all objects of a resource are written again.
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { StorageVersionMigration } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { dns1035Label, dns1123Subdomain } from '../../meta/names.ts';
import { conditionErrors } from '../../validation/conditions.ts';
import { immutable } from '../../validation/fields.ts';

function validate({ spec }: StorageVersionMigration): FieldError[] {
  const named: Partial<StorageVersionMigration['spec']['resource']> = spec?.resource ?? {};
  const { group = '', resource = '' } = named;
  const joined = (field: string, value: string, wrong: readonly string[]) =>
    wrong.length === 0 ? [] : [invalid(`spec.resource.${field}`, value, wrong.join(','))];
  return [
    ...(resource === ''
      ? [required('spec.resource.resource', 'resource is required to be set')]
      : joined('resource', resource, dns1035Label(resource))),
    ...(group === '' ? [] : joined('group', group, dns1123Subdomain(group))),
  ];
}

const has = ({ status }: StorageVersionMigration, type: string): boolean =>
  (status?.conditions ?? []).find((one) => one.type === type)?.status === 'True';

/** As k8s.io/apimachinery compares revisions: a number without zeros before it. */
function revisionProblem(revision: string): string | undefined {
  if (revision === '') return undefined;
  if (!/^\d+$/.test(revision)) return `resource version is not well formed: ${revision}`;
  return revision.startsWith('0') ? `resource version is not well formed: ${revision}` : undefined;
}

function statusErrors(object: StorageVersionMigration, previous: StorageVersionMigration): FieldError[] {
  const revision = object.status?.resourceVersion ?? '';
  const before = previous.status?.resourceVersion ?? '';
  const problem = revisionProblem(revision);
  const conditions = (detail: string) => invalid('status.conditions', object.status?.conditions ?? null, detail);
  const [succeeded, failed] = [has(object, 'Succeeded'), has(object, 'Failed')];
  return [
    ...(problem === undefined ? [] : [invalid('status.resourceVersion', revision, problem)]),
    ...conditionErrors('status.conditions', object.status?.conditions),
    ...(before !== '' && before !== revision
      ? [invalid('status.resourceVersion', revision, 'field is immutable')]
      : []),
    ...(succeeded && failed ? [conditions('Both success and failed conditions cannot be true at the same time')] : []),
    ...(has(previous, 'Succeeded') && !succeeded
      ? [conditions('Success condition cannot be set to false once it is true')]
      : []),
    ...(has(previous, 'Failed') && !failed
      ? [conditions('Failed condition cannot be set to false once it is true')]
      : []),
  ];
}

export const storageVersionMigration: KindBehaviour<StorageVersionMigration> = {
  metadataInUpdate: ['whole', 'update'],
  validate,
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status'
      ? statusErrors(object, previous)
      : [...validate(object), ...immutable('spec', object.spec, previous.spec)],
};
