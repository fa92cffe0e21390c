// Namespace: deletes everything in a namespace that is being deleted.
import { APIServices, Namespaces } from '#api/generated/kind-references.ts';
import type { KubernetesObject } from '#api/kind.ts';
import {
  keyedController,
  partChanges,
  read,
  self,
  write,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import type { RuntimeConfig } from '#rules/runtime-config.ts';
import { storedKinds } from '../runtime/served-kinds.ts';
import { decide } from './decide.ts';

const wakeTerminating = ({ metadata }: KubernetesObject, lookup: Lookup): readonly string[] => {
  const namespace = lookup.get(Namespaces, undefined, metadata.namespace!);
  return namespace?.metadata.deletionTimestamp === undefined ? [] : [metadata.namespace!];
};

const wakeAllTerminating = (_any: unknown, lookup: Lookup): readonly string[] =>
  lookup.list(Namespaces).flatMap((one) => (one.metadata.deletionTimestamp === undefined ? [] : [one.metadata.name!]));

export function namespaceController(config: RuntimeConfig = []): Controller {
  const builtIn = storedKinds(config).filter((one) => one.namespaced);
  return keyedController({
    name: 'namespace',
    account: 'namespace-controller',
    reads: [
      read(Namespaces, self),
      read(
        APIServices,
        wakeAllTerminating,
        partChanges(({ status }) => status?.conditions),
      ),
      ...builtIn.map((kind) => read(kind, wakeTerminating)),
    ],
    custom: {
      read: (kind) => (kind.namespaced ? read(kind, wakeTerminating) : undefined),
      wake: wakeAllTerminating,
    },
    writes: [
      write('any', 'delete'),
      writeSubresource(Namespaces, 'status', 'update'),
      writeSubresource(Namespaces, 'finalize', 'update'),
    ],
    snapshot(lookup, key, { failure }) {
      const namespace = lookup.get(Namespaces, undefined, key);
      if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
      const kinds = [...builtIn, ...lookup.customKinds()];
      const content = kinds
        .map((kind) => ({ kind, objects: lookup.list(kind, key) }))
        .filter((one) => one.objects.length > 0);
      return { namespace, content, kinds, failure, undiscovered: lookup.undiscovered() };
    },
    decide,
  });
}
