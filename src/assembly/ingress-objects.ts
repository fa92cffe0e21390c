// The router's objects: its account with what it may read, its class, its Services and where they are reached. Pure: a list.
import {
  EndpointSlices,
  IngressClasses,
  RoleBindings,
  Roles,
  Secrets,
  ServiceAccounts,
  Services,
} from '#api/generated/kind-references.ts';
import type { PolicyRule } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { BootstrapObject } from './bootstrap-object.ts';
import type { IngressConfiguration } from './config/configuration.ts';

const namespace = 'openshift-ingress';
export const routerService = 'router-default';
const internalService = 'router-internal-default';
const healthPort = 1936;
const readOnly = ['get', 'list', 'watch'];
const owned = { 'ingresscontroller.operator.openshift.io/owning-ingresscontroller': 'default' };

const row = <T extends KubernetesObject>(kind: KindReference<T>, object: T): BootstrapObject => ({ kind, object });

export const ingressObjects = ({ httpPort, httpsPort }: IngressConfiguration): readonly BootstrapObject[] => [
  row(ServiceAccounts, { metadata: { namespace, name: 'router' } }),
  row(IngressClasses, {
    metadata: { name: 'openshift-ingress' },
    spec: { controller: 'openshift.io/ingress-to-route' },
  }),
  // What its configuration names: the default certificate, authorities of clients, error pages.
  ...may(namespace, [
    { apiGroups: [''], resources: ['secrets', 'configmaps'], verbs: readOnly },
    { apiGroups: [''], resources: ['services/status'], resourceNames: [routerService], verbs: ['update'] },
  ]),
  // Whom re-encrypting Routes trust.
  ...may('openshift-service-ca', [
    { apiGroups: [''], resources: ['configmaps'], resourceNames: ['signing-cabundle'], verbs: readOnly },
  ]),
  row(Services, {
    metadata: { namespace, name: internalService, labels: owned },
    spec: {
      type: 'ClusterIP',
      ports: [
        { name: 'http', port: 80, protocol: 'TCP', targetPort: httpPort },
        { name: 'https', port: 443, protocol: 'TCP', targetPort: httpsPort },
        { name: 'metrics', port: healthPort, protocol: 'TCP', targetPort: healthPort },
      ],
    },
  }),
  // Says where the router is reached from outside, and keeps its ports from other load balancers: it serves them itself.
  row(Services, {
    metadata: { namespace, name: routerService, labels: { app: 'router', ...owned } },
    spec: {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      ports: [
        { name: 'http', port: httpPort, protocol: 'TCP', targetPort: httpPort },
        { name: 'https', port: httpsPort, protocol: 'TCP', targetPort: httpsPort },
      ],
    },
  }),
];

function may(inNamespace: string, rules: readonly PolicyRule[]): readonly BootstrapObject[] {
  const metadata = { namespace: inNamespace, name: 'microshift:router' };
  return [
    row(Roles, { metadata, rules }),
    row(RoleBindings, {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', namespace, name: 'router' }],
    }),
  ];
}

/** What says that there is a router; without one it would mislead, and keep the ports from others. */
export const removedWithRouter: readonly BootstrapObject[] = [
  row(IngressClasses, { metadata: { name: 'openshift-ingress' }, spec: {} }),
  ...[internalService, `${internalService}-metrics`, routerService].map((name) =>
    row(EndpointSlices, { metadata: { namespace, name }, addressType: 'IPv4', endpoints: [] }),
  ),
  row(Services, { metadata: { namespace, name: routerService }, spec: {} }),
  row(Services, { metadata: { namespace, name: internalService }, spec: {} }),
];

/** Where the Services above are reached. Again for each new address of the node and other ports. */
export function ingressEndpoints(ingress: IngressConfiguration, nodeIp: string): readonly BootstrapObject[] {
  const listens = ingress.listenAddresses.find((one) => /^\d+\./.test(one) && !one.startsWith('127.'));
  const ports = [
    { name: 'http', port: ingress.httpPort, protocol: 'TCP' },
    { name: 'https', port: ingress.httpsPort, protocol: 'TCP' },
  ];
  const slice = (service: string, name: string, address: string, which: typeof ports): BootstrapObject =>
    row(EndpointSlices, {
      metadata: { namespace, name, labels: { 'kubernetes.io/service-name': service } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: which,
    });
  const metrics = [{ name: 'metrics', port: healthPort, protocol: 'TCP' }];
  return [
    slice(internalService, internalService, listens ?? nodeIp, ports),
    slice(internalService, `${internalService}-metrics`, nodeIp, metrics),
    slice(routerService, routerService, listens ?? nodeIp, ports),
  ];
}

/** The generated default certificate, for people and tools that look for it where OpenShift keeps it. */
export const defaultCertificateSecret = (certificatePem: string, keyPem: string): BootstrapObject =>
  row(Secrets, {
    metadata: { namespace, name: 'router-certs-default' },
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': Buffer.from(certificatePem).toString('base64'),
      'tls.key': Buffer.from(keyPem).toString('base64'),
    },
  });
