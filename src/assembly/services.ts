// THE start order: every service of the process, each below those that it needs. They start side by side as far as
// `dependsOn` allows, and stop in the reverse order.
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import type { Role } from './config/configuration.ts';
import type { AssemblyContext } from './parts.ts';
import { startApiServer } from './services/api-server.ts';
import { startBootstrap } from './services/bootstrap.ts';
import { startControllers, startScheduler } from './services/controllers.ts';
import { startCertificates } from './services/certificates.ts';
import { startManifests } from './services/manifests.ts';
import { startDns, startPodNetwork, startRouter, startServiceProxy } from './services/network.ts';
import { startContainerRuntime } from './services/container-runtime.ts';
import { startNode, waitForNode } from './services/node.ts';
import { startStorage } from './services/storage.ts';

interface ServiceRow {
  readonly name: string;
  readonly role: Role;
  readonly dependsOn: readonly string[];
  /** Gives, where it has something to say, what is wrong at the moment. */
  readonly start: (context: AssemblyContext, scope: Scope) => Promise<(() => readonly string[]) | void>;
}

const rows: readonly ServiceRow[] = [
  { name: 'certificates', role: 'controlplane', dependsOn: [], start: startCertificates },
  { name: 'storage', role: 'controlplane', dependsOn: [], start: startStorage },
  { name: 'api-server', role: 'controlplane', dependsOn: ['certificates', 'storage'], start: startApiServer },
  { name: 'bootstrap', role: 'controlplane', dependsOn: ['api-server'], start: startBootstrap },
  { name: 'controllers', role: 'controlplane', dependsOn: ['bootstrap'], start: startControllers },
  { name: 'scheduler', role: 'controlplane', dependsOn: ['bootstrap'], start: startScheduler },
  { name: 'manifests', role: 'controlplane', dependsOn: ['bootstrap'], start: startManifests },
  { name: 'container-runtime', role: 'node', dependsOn: [], start: startContainerRuntime },
  { name: 'node', role: 'node', dependsOn: ['container-runtime', 'bootstrap'], start: startNode },
  { name: 'pod-network', role: 'node', dependsOn: ['node', 'controllers'], start: startPodNetwork },
  // Pods run from here on; the Node may need the network above before it is ready.
  { name: 'node-ready', role: 'node', dependsOn: ['node', 'pod-network'], start: waitForNode },
  { name: 'service-proxy', role: 'node', dependsOn: ['bootstrap'], start: startServiceProxy },
  { name: 'dns', role: 'node', dependsOn: ['bootstrap'], start: startDns },
  { name: 'router', role: 'node', dependsOn: ['bootstrap'], start: startRouter },
];

export function servicesOf(context: AssemblyContext): readonly Service[] {
  return rows
    .filter((row) => context.configuration.roles.includes(row.role))
    .map((row) => {
      let problems: (() => readonly string[]) | undefined;
      const own: AssemblyContext = { ...context, logger: context.logger.named(row.name) };
      return {
        name: row.name,
        dependsOn: row.dependsOn,
        async start(scope) {
          problems = (await row.start(own, scope)) ?? undefined;
        },
        problems: () => problems?.() ?? [],
      };
    });
}
