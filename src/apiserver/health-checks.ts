// What /healthz, /livez and /readyz look at, under upstream's names and in its order. Each name stands for what is the same
// thing here: most of upstream's hooks fill a cache or start a loop; here the store is read in place, and what remains is that
// it is open, that the definitions in it are loaded, and that the start has written what it must.
// Not there, for there is nothing behind them: loopback-serving-certificate (calls from inside use no TLS),
// peer-endpoint-reconciler-controller and the two of start-kube-apiserver-identity-lease (there are no other API servers).
import type { Server } from './context.ts';
import type { HealthChecks, ReadinessCheck } from './options.ts';

type Condition = (server: Server) => string | undefined;

/** It is made before the first request is taken. */
const made: Condition = () => undefined;
const storeOpen: Condition = ({ options }) => (options.store.revision < 0 ? 'the store is not open' : undefined);
const definitionsLoaded: Condition = ({ kinds }) =>
  kinds.pending === undefined ? undefined : 'custom resource definitions are being loaded';
const bootstrapped: Condition = ({ options }) =>
  options.startProgress?.bootstrapObjects() === false ? 'not finished' : undefined;
const registered: Condition = ({ options }) =>
  options.startProgress?.ownObjects() === false ? 'not finished' : undefined;

/** Of all three. */
const hooks: readonly (readonly [name: string, condition: Condition])[] = [
  ['start-apiserver-admission-initializer', made],
  ['generic-apiserver-start-informers', storeOpen],
  ['priority-and-fairness-config-consumer', storeOpen],
  ['priority-and-fairness-filter', made],
  ['storage-object-count-tracker-hook', storeOpen],
  ['start-apiextensions-informers', definitionsLoaded],
  ['start-apiextensions-controllers', definitionsLoaded],
  ['crd-informer-synced', definitionsLoaded],
  ['start-system-namespaces-controller', bootstrapped],
  ['start-cluster-authentication-info-controller', bootstrapped],
  ['storage-readiness', storeOpen],
  ['start-legacy-token-tracking-controller', bootstrapped],
  ['start-service-ip-repair-controllers', registered],
  ['rbac/bootstrap-roles', bootstrapped],
  ['scheduling/bootstrap-system-priority-classes', bootstrapped],
  ['priority-and-fairness-config-producer', bootstrapped],
  ['bootstrap-controller', bootstrapped],
  ['start-kubernetes-service-cidr-controller', bootstrapped],
  ['aggregator-reload-proxy-client-cert', made],
  ['start-kube-aggregator-informers', storeOpen],
  ['apiservice-status-local-available-controller', registered],
  ['apiservice-status-remote-available-controller', made],
  ['apiservice-registration-controller', made],
  ['apiservice-wait-for-first-sync', storeOpen],
  ['apiservice-discovery-controller', made],
  ['kube-apiserver-autoregistration', registered],
];

export function createHealthChecks(server: Server): HealthChecks {
  const check = (name: string, condition: Condition): ReadinessCheck => ({ name, check: () => condition(server) });
  const hook = ([name, condition]: readonly [string, Condition]) => check(`poststarthook/${name}`, condition);
  const shared = [
    ...hooks.map(hook),
    check('autoregister-completion', registered),
    hook(['apiservice-openapi-controller', made]),
    hook(['apiservice-openapiv3-controller', made]),
  ];
  const first = [check('ping', made), check('log', made)];
  const alive = [...first, check('etcd', storeOpen), ...shared];
  return {
    healthz: alive,
    livez: alive,
    readyz: [
      ...first,
      check('informer-sync', storeOpen),
      ...shared,
      ...(server.options.readinessChecks ?? []),
      check('shutdown', ({ closing, options }) =>
        closing.aborted || options.stopping?.aborted === true ? 'process is shutting down' : undefined,
      ),
    ],
  };
}
