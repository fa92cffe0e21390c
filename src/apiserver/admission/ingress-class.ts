// An Ingress that names no class gets the default one, where there is one. Rules of upstream's plugin DefaultIngressClass.
import type { Ingress, IngressClass } from '#api/generated/types.ts';
import { IngressClasses } from '#api/generated/kind-references.ts';
import type { Mutable } from '#api/kind.ts';
import { storagePrefix } from '#api/kinds.ts';
import type { AdmissionPlugin } from '../context.ts';
import { isCreate, only } from './operations.ts';

const isDefaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';
const classAnnotation = 'kubernetes.io/ingress.class';

/** The newest first; of one time, by name. */
const newestFirst = (one: IngressClass, other: IngressClass): number => {
  const [first, second] = [one.metadata.creationTimestamp ?? '', other.metadata.creationTimestamp ?? ''];
  if (first !== second) return first > second ? -1 : 1;
  return one.metadata.name! < other.metadata.name! ? -1 : 1;
};

export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  concerns: only('ingresses.networking.k8s.io'),
  mutate(attributes, server) {
    if (!isCreate(attributes, 'networking.k8s.io', 'ingresses')) return;
    const ingress = attributes.object as Mutable<Ingress>;
    if (ingress.spec === undefined || ingress.spec.ingressClassName !== undefined) return;
    if (ingress.metadata.annotations?.[classAnnotation] !== undefined) return;
    const [chosen] = server.options.store
      .list(storagePrefix(IngressClasses))
      .items.map((stored) => stored.object() as IngressClass)
      .filter((one) => one.metadata.annotations?.[isDefaultAnnotation] === 'true')
      .toSorted(newestFirst);
    if (chosen !== undefined) ingress.spec.ingressClassName = chosen.metadata.name!;
  },
};
