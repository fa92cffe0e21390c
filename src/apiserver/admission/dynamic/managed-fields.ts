// What a webhook or a policy made of metadata.managedFields: put back with a Warning where nobody could read it any more.
import { fromFieldsV1 } from '#api/managed-fields/field-set.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { AdmissionAttributes } from '../../context.ts';

type ManagedFields = KubernetesObject['metadata']['managedFields'];

/** Upstream's texts; undefined: it can be read. */
function problemOf(entries: ManagedFields): string | undefined {
  for (const [index, entry] of (entries ?? []).entries()) {
    const { operation, apiVersion = '', fieldsType = '', fieldsV1 } = entry;
    if (operation !== 'Apply' && operation !== 'Update') return 'operation must be `Apply` or `Update`';
    if (apiVersion === '') return 'apiVersion must not be empty';
    if (fieldsType === '') return `missing fieldsType in managed fields entry ${index}`;
    if (fieldsType !== 'FieldsV1')
      return `invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`;
    if (fieldsV1 !== undefined && fromFieldsV1(fieldsV1) === undefined)
      return `error decoding versioned set in managed fields entry ${index}`;
  }
  return undefined;
}

export function restoreManagedFields(attributes: AdmissionAttributes, before: ManagedFields): void {
  const metadata = attributes.object?.metadata;
  if (metadata === undefined) return;
  const problem = problemOf(metadata.managedFields);
  if (problem === undefined) return;
  if (before === undefined) delete metadata.managedFields;
  else metadata.managedFields = [...before] as typeof metadata.managedFields;
  attributes.warnings.push(
    `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${problem}`,
  );
}
