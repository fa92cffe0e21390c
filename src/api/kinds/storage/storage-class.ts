// StorageClass: what volumes of this class are like; fixed but for expansion and mount options.
import { duplicate, required, type FieldError } from '../../field-error.ts';
import type { StorageClass, TopologySelectorLabelRequirement, TopologySelectorTerm } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { parameterErrors, provisionerErrors } from '../../validation/class-parameters.ts';
import { nodeLabelDeprecation } from '../../validation/deprecated-node-labels.ts';
import { immutable, isAbsent, oneOf, qualifiedErrors } from '../../validation/fields.ts';

function expressionErrors(path: string, term: TopologySelectorTerm): FieldError[] {
  const keys = new Set<string>();
  return (term.matchLabelExpressions ?? []).flatMap((one: Partial<TopologySelectorLabelRequirement>, index) => {
    const { key = '', values = [] } = one;
    const at = `${path}[${index}]`;
    const seen = new Set<string>();
    const errors = values.length === 0 ? [required(`${at}.values`)] : [];
    for (const [position, value] of values.entries()) {
      if (seen.has(value)) errors.push(duplicate(`${at}.values[${position}]`, value));
      seen.add(value);
    }
    errors.push(...qualifiedErrors(`${at}.key`, key));
    if (keys.has(key)) errors.push(duplicate(`${at}.key`, key));
    keys.add(key);
    return errors;
  });
}

/** Terms that say the same in another order are alike. */
const termId = (term: TopologySelectorTerm): string =>
  JSON.stringify(
    [
      ...new Map(
        (term.matchLabelExpressions ?? []).map(({ key, values }) => [key, [...new Set(values ?? [])].toSorted()]),
      ),
    ].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );

function topologyErrors(terms: readonly TopologySelectorTerm[] | undefined): FieldError[] {
  const list = terms ?? [];
  // Upstream compares with as many empty terms as there are terms, too.
  const times = new Map<string, number>([['[]', list.length]]);
  return list.flatMap((term, index) => {
    const at = `allowedTopologies[${index}].matchLabelExpressions`;
    const id = termId(term);
    const before = times.get(id) ?? 0;
    times.set(id, before + 1);
    return [...expressionErrors(at, term), ...Array.from({ length: Math.min(before, 100) }, () => duplicate(at, ''))];
  });
}

const validate = (object: StorageClass): FieldError[] => [
  ...provisionerErrors('provisioner', object.provisioner),
  ...parameterErrors(object.parameters, true),
  ...(isAbsent(object.reclaimPolicy) ? [] : oneOf('reclaimPolicy', object.reclaimPolicy, ['Delete', 'Retain'])),
  ...(object.volumeBindingMode === undefined
    ? [required('volumeBindingMode')]
    : oneOf('volumeBindingMode', object.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'])),
  ...topologyErrors(object.allowedTopologies),
];

export const storageClass: KindBehaviour<StorageClass> = {
  metadataInUpdate: ['whole', 'update'],
  validate,
  validateUpdate: (object, previous) => [
    ...validate(object),
    ...(['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const).flatMap((field) =>
      immutable(field, object[field], previous[field]),
    ),
  ],
  warnings: (object) =>
    (object.allowedTopologies ?? []).flatMap(({ matchLabelExpressions = [] }, index) =>
      matchLabelExpressions.flatMap(({ key }, position) => {
        const text = nodeLabelDeprecation(key);
        return text === undefined
          ? []
          : [`allowedTopologies[${index}].matchLabelExpressions[${position}].key: ${text}`];
      }),
    ),
};
