// The metadata of an object that is shown without the rest of it.
import type { ObjectMeta } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';

/** Upstream keeps it as a field, which only the whole object shows as an annotation. */
const templateGeneration = 'deprecated.daemonset.template.generation';

export function metadataAlone({ kind, metadata }: KubernetesObject): ObjectMeta {
  if (kind !== 'DaemonSet' || metadata.annotations?.[templateGeneration] === undefined) return metadata;
  const { [templateGeneration]: _generation, ...others } = metadata.annotations;
  const { annotations: _annotations, ...rest } = metadata;
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}
