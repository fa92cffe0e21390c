// OpenShift Routes without a host get one below the cluster's domain for applications.
import type { Route } from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isCreate } from './operations.ts';

const generatedAnnotation = 'openshift.io/host.generated';

export const routeHost: AdmissionPlugin = {
  name: 'RouteHost',
  mutate(attributes: AdmissionAttributes, server: Server): void {
    if (!isCreate(attributes, 'route.openshift.io', 'routes')) return;
    const route = attributes.object as Mutable<Route>;
    if (route.spec === undefined || (route.spec.host ?? '') !== '') return;
    const { name = '', namespace = '' } = route.metadata;
    // A subdomain of its own is the router's to complete.
    if ((route.spec.subdomain ?? '') !== '' || name === '') return;
    route.spec.host = `${name}-${namespace}.${server.options.routeDomain}`;
    route.metadata.annotations = { ...route.metadata.annotations, [generatedAnnotation]: 'true' };
  },
};
