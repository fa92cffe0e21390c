// THE start order: every service of the process, each below those that it needs. They start side by side as far as
// `dependsOn` allows, and stop in the reverse order.
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import type { Role } from './config/configuration.ts';
import type { AssemblyContext } from './parts.ts';
import { startApiServer } from './services/api-server.ts';
import { startBackups } from './services/backups.ts';
import { startBootstrap } from './services/bootstrap.ts';
import { startControllers, startScheduler } from './services/controllers.ts';
import { startCertificates } from './services/certificates.ts';
import { startManifests } from './services/manifests.ts';
import { startJoin } from './services/join.ts';
import {
  startDns,
  startMdns,
  startNetworkPolicies,
  startPodNetwork,
  startRouter,
  startServiceProxy,
} from './services/network.ts';
import { startContainerRuntime } from './services/container-runtime.ts';
import { startNode, waitForNode } from './services/node.ts';
import { startStorage } from './services/storage.ts';

interface ServiceRow {
  readonly name: string;
  /** `joined`: node without a control plane here; `both`: node with one. */
  readonly role: Role | 'joined' | 'both';
  /** Only where objects are on etcd, or only where they are not; absent: both. */
  readonly datastore?: 'etcd' | 'own';
  /** Those of them that run with these roles. */
  readonly dependsOn: readonly string[];
  /** Gives, where it has something to say, what is wrong at the moment. */
  readonly start: (context: AssemblyContext, scope: Scope) => Promise<(() => readonly string[]) | void>;
}

/** Loaded where it is used: a data file pays nothing for it. */
const startOnEtcd: Readonly<Record<'storage' | 'controllers' | 'scheduler', ServiceRow['start']>> = {
  storage: async (...given) => (await import('./services/etcd-storage.ts')).startEtcdStorage(...given),
  controllers: async (...given) => (await import('./services/leading.ts')).startLedControllers(...given),
  scheduler: async (...given) => (await import('./services/leading.ts')).startLedScheduler(...given),
};

const rows: readonly ServiceRow[] = [
  { name: 'certificates', role: 'controlplane', dependsOn: [], start: startCertificates },
  { name: 'storage', role: 'controlplane', datastore: 'own', dependsOn: [], start: startStorage },
  { name: 'storage', role: 'controlplane', datastore: 'etcd', dependsOn: ['certificates'], start: startOnEtcd.storage },
  { name: 'api-server', role: 'controlplane', dependsOn: ['certificates', 'storage'], start: startApiServer },
  { name: 'bootstrap', role: 'controlplane', dependsOn: ['api-server'], start: startBootstrap },
  { name: 'controllers', role: 'controlplane', datastore: 'own', dependsOn: ['bootstrap'], start: startControllers },
  { name: 'scheduler', role: 'controlplane', datastore: 'own', dependsOn: ['bootstrap'], start: startScheduler },
  {
    name: 'controllers',
    role: 'controlplane',
    datastore: 'etcd',
    dependsOn: ['bootstrap'],
    start: startOnEtcd.controllers,
  },
  {
    name: 'scheduler',
    role: 'controlplane',
    datastore: 'etcd',
    dependsOn: ['bootstrap'],
    start: startOnEtcd.scheduler,
  },
  { name: 'backups', role: 'controlplane', datastore: 'own', dependsOn: ['bootstrap'], start: startBackups },
  { name: 'manifests', role: 'controlplane', dependsOn: ['bootstrap'], start: startManifests },
  { name: 'join', role: 'joined', dependsOn: [], start: startJoin },
  // A node that may not join starts nothing.
  { name: 'container-runtime', role: 'node', dependsOn: ['join'], start: startContainerRuntime },
  // The node asks it before the containers of a Pod start.
  { name: 'network-policy', role: 'node', dependsOn: ['bootstrap', 'join'], start: startNetworkPolicies },
  {
    name: 'node',
    role: 'node',
    dependsOn: ['container-runtime', 'bootstrap', 'network-policy'],
    start: startNode,
  },
  { name: 'pod-network', role: 'node', dependsOn: ['node', 'controllers'], start: startPodNetwork },
  // Pods run from here on; the Node may need the network above before it is ready.
  { name: 'node-ready', role: 'node', dependsOn: ['node', 'pod-network'], start: waitForNode },
  { name: 'service-proxy', role: 'node', dependsOn: ['bootstrap', 'join'], start: startServiceProxy },
  { name: 'dns', role: 'node', dependsOn: ['bootstrap', 'join'], start: startDns },
  // Where the control plane is: names of Routes lead there, and other nodes need not read everybody's keys.
  { name: 'router', role: 'both', dependsOn: ['bootstrap'], start: startRouter },
  { name: 'mdns', role: 'node', dependsOn: ['bootstrap'], start: startMdns },
];

export function servicesOf(context: AssemblyContext): readonly Service[] {
  const { roles, datastore } = context.configuration;
  const kind = context.keepsState && datastore.etcd !== undefined ? 'etcd' : 'own';
  const [isControlPlane, isNode] = [roles.includes('controlplane'), roles.includes('node')];
  const runs: Readonly<Record<ServiceRow['role'], boolean>> = {
    controlplane: isControlPlane,
    node: isNode,
    joined: isNode && !isControlPlane,
    both: isNode && isControlPlane,
  };
  const running = rows.filter((row) => runs[row.role] && (row.datastore ?? kind) === kind);
  const names = new Set(running.map((row) => row.name));
  return running.map((row) => {
    let problems: (() => readonly string[]) | undefined;
    const own: AssemblyContext = {
      ...context,
      logger: context.logger.named(row.name),
      showProblems: (given) => (problems = given),
    };
    return {
      name: row.name,
      dependsOn: row.dependsOn.filter((name) => names.has(name)),
      async start(scope) {
        problems = (await row.start(own, scope)) ?? undefined;
      },
      problems: () => problems?.() ?? [],
    };
  });
}
