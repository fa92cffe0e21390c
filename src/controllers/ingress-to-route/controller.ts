// Ingress to Route: who writes an Ingress is served by the router through Routes that this controller keeps.
import { IngressClasses, Ingresses, Routes, Secrets, Services } from '#api/generated/kind-references.ts';
import type { Ingress, Route, Secret } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { InformerIndex } from '#client/client.ts';
import {
  controllerOwner,
  keyText,
  keyedController,
  partChanges,
  read,
  self,
  splitKey,
  write,
  writeSubresource,
  type Lookup,
} from '../runtime/declaration.ts';
import { classNameOf, decide } from './decide.ts';

const ownersIndex: InformerIndex<Route> = { name: 'ingress', keysOf: controllerOwner(Ingresses) };
const inNamespace = ({ metadata }: KubernetesObject, lookup: Lookup) =>
  lookup.list(Ingresses, metadata.namespace).map(keyText);
const holdsCertificate = ({ type }: Secret): boolean => type === 'kubernetes.io/tls' || type === 'Opaque';

export const ingressToRoute = keyedController({
  name: 'ingress-to-route',
  account: 'ingress-to-route-controller',
  accountNamespace: 'openshift-infra',
  reads: [
    read(
      Ingresses,
      self,
      partChanges(({ metadata, spec, status }: Ingress) => [metadata.annotations, metadata.labels, spec, status]),
    ),
    read(IngressClasses, (_one, lookup: Lookup) => lookup.list(Ingresses).map(keyText)),
    read(Routes, ownersIndex.keysOf),
    read(
      Services,
      inNamespace,
      partChanges(({ spec }) => spec.ports),
    ),
    read(Secrets, (one: Secret, lookup: Lookup) => (holdsCertificate(one) ? inNamespace(one, lookup) : [])),
  ],
  writes: [write(Routes, 'create', 'update', 'delete'), writeSubresource(Ingresses, 'status', 'update')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const ingress = lookup.get(Ingresses, namespace, name);
    if (ingress === undefined || ingress.metadata.deletionTimestamp !== undefined) return undefined;
    const className = classNameOf(ingress);
    return {
      ingress,
      ingressClass: className === undefined ? undefined : lookup.get(IngressClasses, undefined, className),
      routes: lookup.byIndex(Routes, ownersIndex, key),
      service: (service: string) => lookup.get(Services, namespace, service),
      secret: (secret: string) => lookup.get(Secrets, namespace, secret),
    };
  },
  decide,
});
