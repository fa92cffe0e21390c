// What a server needs to serve custom resources, loaded as one when it has the first definition.
import type { CustomResourceDefinition } from '../generated/types.ts';
import type { KindRow } from '../kind.ts';
import { conditionIs, customRow } from './custom-kind.ts';

export { loadRegularExpressions } from './regular-expressions.ts';
export { compareVersions } from './versions.ts';

/** Of definitions whose names are nobody else's; before that there is nothing to serve. */
export function customRows(definition: CustomResourceDefinition): readonly KindRow[] {
  if (!conditionIs(definition, 'Established') && !conditionIs(definition, 'NamesAccepted')) return [];
  return definition.spec.versions.filter((one) => one.served).map((one) => customRow(definition, one));
}

/** Definitions of the same identity have the same rows. */
export const identityOf = (definition: CustomResourceDefinition): string =>
  JSON.stringify([
    definition.metadata.uid,
    definition.spec,
    definition.status?.acceptedNames,
    ...['Established', 'NamesAccepted', 'Terminating'].map((type) => conditionIs(definition, type)),
  ]);
