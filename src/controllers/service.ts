// The controllers as a service of the process. Each has its own identity and rights; they share one set of informers.
import type { Clock } from '#base/clock.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';
import { queueObserver } from '#base/metrics/work-queues.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import { queueName } from './queue-names.ts';
import { controllersOf, type ControllersConfig } from './registry.ts';
import { createCustomKinds } from './runtime/custom-kinds.ts';
import type { Controller } from './runtime/declaration.ts';
import { ControllerLoop } from './runtime/loop.ts';

export interface ControllersOptions {
  /** A client with this user name (service account names bring their groups). */
  client(identityName: string): Client;
  /** An event recorder that names `component` as the source. */
  events(client: Client, component: string): EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: ControllersConfig;
  /** Absent: nothing is measured. */
  readonly metrics?: MetricRegistry | undefined;
  /** Default: each as it is. A simulation puts one with a known bug in its place, to see that it is found. */
  readonly replace?: ((controller: Controller) => Controller) | undefined;
  readonly dependsOn?: readonly string[] | undefined;
}

export interface ControllersService extends Service {
  /** No controller has work that could be done now. For tests and simulation. */
  readonly idle: boolean;
}

const informerIdentity = 'system:kube-controller-manager';
export const accountName = (account: string, namespace = 'kube-system'): string =>
  `system:serviceaccount:${namespace}:${account}`;

export function createControllers(options: ControllersOptions): ControllersService {
  let loops: readonly ControllerLoop[] = [];
  const { clock, metrics } = options;
  const measures = (controller: Controller) =>
    metrics === undefined
      ? {}
      : {
          queue: queueObserver(metrics, clock, queueName(controller.name)),
          onRun: controller.measures?.(metrics),
        };
  return {
    name: 'controllers',
    dependsOn: options.dependsOn ?? [],
    get idle() {
      return loops.every((one) => one.idle);
    },
    async start(scope: Scope) {
      const informers = options.client(informerIdentity);
      const customKinds = createCustomKinds(informers, {
        clock: options.clock,
        logger: options.logger.named('kinds'),
      });
      scope.onClose(() => customKinds[Symbol.dispose]());
      loops = controllersOf(options.config).map((original) => {
        const controller = options.replace?.(original) ?? original;
        const client = options.client(accountName(controller.account, controller.accountNamespace));
        return new ControllerLoop({
          controller,
          informers,
          customKinds,
          client,
          events: options.events(client, controller.component),
          clock: options.clock,
          logger: options.logger.named(controller.name),
          ...measures(controller),
        });
      });
      await Promise.all(loops.map((one) => one.start(scope)));
    },
  };
}
