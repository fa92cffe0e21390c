// Rules of kinds that most clusters never write: their module is loaded before the first use, so that a cluster without them
// pays nothing. What readers and the checks of metadata need is never lazy: the caller gives it.
import type { KindBehaviour, KubernetesObject } from '../kind.ts';

export function lazily<T extends KubernetesObject>(
  importRules: () => Promise<KindBehaviour<T>>,
  eager: Pick<KindBehaviour<T>, 'selectableFields' | 'validateName' | 'anyFinalizer' | 'metadataInUpdate'> = {},
): KindBehaviour<T> {
  let rules: KindBehaviour<T> | undefined;
  return {
    ...eager,
    async load(object) {
      rules ??= await importRules();
      await rules.load?.(object);
    },
    prepareForCreate: (object, context) => rules!.prepareForCreate?.(object, context),
    prepareForUpdate: (object, previous, context) => rules!.prepareForUpdate?.(object, previous, context),
    validate: (object, context) => rules!.validate?.(object, context) ?? [],
    validateUpdate: (object, previous, subresource, context) =>
      rules!.validateUpdate === undefined
        ? (rules!.validate?.(object, context) ?? [])
        : rules!.validateUpdate(object, previous, subresource, context),
    warnings: (object, previous) => rules!.warnings?.(object, previous) ?? [],
  };
}
