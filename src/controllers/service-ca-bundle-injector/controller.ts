// Writes the bundle of the service CA where an annotation asks for it. Keys are `resource/name` and `resource/namespace/name`.
import {
  APIServices,
  ConfigMaps,
  CustomResourceDefinitions,
  MutatingWebhookConfigurations,
  ValidatingWebhookConfigurations,
} from '#api/generated/kind-references.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import {
  keyText,
  keyedController,
  read,
  splitKey,
  write,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { bundleConfigMapName, bundleKey, signerNamespace } from '../service-ca/annotations.ts';
import { asks, decide, type Target } from './decide.ts';

const kinds = [
  ConfigMaps,
  APIServices,
  CustomResourceDefinitions,
  MutatingWebhookConfigurations,
  ValidatingWebhookConfigurations,
] as const;

/** Looked up by its own kind: the object has that kind's shape. */
const targetOf = (kind: KindReference, object: KubernetesObject): Target =>
  ({ type: kind.resource, object }) as unknown as Target;

const keyOf = (kind: KindReference, object: KubernetesObject): string => `${kind.resource}/${keyText(object)}`;

const isBundle = ({ metadata }: KubernetesObject): boolean =>
  metadata.namespace === signerNamespace && metadata.name === bundleConfigMapName;

const everyTarget = (lookup: Lookup): readonly string[] =>
  kinds.flatMap((kind: KindReference) =>
    lookup.list(kind).flatMap((object) => (asks(targetOf(kind, object)) ? [keyOf(kind, object)] : [])),
  );

export const serviceCaBundleInjector: Controller = keyedController({
  name: 'service-ca-bundle-injector',
  account: 'service-ca',
  accountNamespace: signerNamespace,
  reads: kinds.map((kind: KindReference) =>
    read(kind, (object, lookup) => {
      if (kind === ConfigMaps && isBundle(object)) return everyTarget(lookup);
      return asks(targetOf(kind, object)) ? [keyOf(kind, object)] : [];
    }),
  ),
  writes: kinds.map((kind) => write(kind, 'update')),
  snapshot(lookup, key) {
    const slash = key.indexOf('/');
    const kind = kinds.find((one) => one.resource === key.slice(0, slash))! as KindReference;
    const { namespace, name } = splitKey(key.slice(slash + 1));
    const object = lookup.get(kind, namespace, name);
    const bundle = lookup.get(ConfigMaps, signerNamespace, bundleConfigMapName)?.data?.[bundleKey];
    if (object === undefined || bundle === undefined || bundle === '') return undefined;
    return { target: targetOf(kind, object), bundle };
  },
  decide,
});
