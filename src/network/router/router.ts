// The router: keeps HAProxy at what Routes, Services and EndpointSlices say, and tells each Route whether it is admitted.
// Endpoints go through the admin socket; a reload is for new hosts, certificates and more slots.
import { EndpointSlices, Routes, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice } from '#api/generated/types.ts';
import { messageOf } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import type { Service as ProcessService } from '#base/service.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { InformerIndex } from '#client/client.ts';
import { systemFiles } from '#host/files.ts';
import type { ServiceLookup } from './backends.ts';
import { Haproxy } from './haproxy.ts';
import { HealthService } from './health-service.ts';
import { RouterLoop } from './loop.ts';
import type { RouterOptions } from './options.ts';

const slicesByService: InformerIndex<EndpointSlice> = {
  name: 'service',
  keysOf: (slice) => [`${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`],
};
export function createRouter(options: RouterOptions): ProcessService {
  const logger = options.logger.named('router');
  let loop: RouterLoop | undefined;
  let failure: string | undefined;
  let health: HealthService | undefined;
  return {
    name: 'router',
    dependsOn: options.dependsOn ?? [],
    problems: () => [
      ...(failure === undefined ? (loop?.problems ?? []) : [failure]),
      ...(health?.problem === undefined ? [] : [health.problem]),
    ],
    async start(scope: Scope) {
      const { client, clock } = options;
      const files = options.files ?? systemFiles;
      const routes = client.informer(Routes);
      const services = client.informer(Services);
      const slices = client.informer(EndpointSlices);
      const lookup: ServiceLookup = {
        service: (namespace, name) => services.get(namespace, name),
        slices: (namespace, service) => slices.byIndex(slicesByService, `${namespace}/${service}`),
      };
      options.changes.record({ type: 'tree', path: options.runDirectory });
      // The worker, which is not root, goes through it to its own socket; what is secret in it has modes of its own.
      await files.makeDirectory(options.runDirectory, 0o711);
      const stateFile = `${options.runDirectory}/haproxy.process`;
      options.changes.record({ type: 'process', stateFile });
      const haproxy = new Haproxy({
        clock,
        logger,
        files,
        runDirectory: options.runDirectory,
        stateFile,
        logFile: `${options.logDirectory}/haproxy.log`,
        command: options.command ?? 'haproxy',
        onRestarted: () => {
          running.forgetSlots();
          wake();
        },
      });
      const everywhere = (await files.exists('/proc/net/if_inet6')) ? ['*', '::'] : ['*'];
      const wake = () => queue.add('router');
      const running = new RouterLoop({
        ...options,
        logger,
        haproxy,
        routes,
        lookup,
        everywhere,
        wake,
      });
      loop = running;
      scope.onClose(() => running[Symbol.dispose]());
      const queue = new WorkQueue({
        clock,
        concurrency: 1,
        backoff: { baseMs: 100, maxMs: 30_000 },
        async work() {
          await running.synchronise();
          failure = undefined;
        },
        onError(_key, error, retryInMs) {
          failure = `Routes may not be reachable: ${messageOf(error)}`;
          logger.error('cannot bring HAProxy up to date', { error: messageOf(error), retryInMs });
        },
      });
      scope.onClose(() => queue.close());
      await Promise.all([routes, services, slices].map((informer) => informer.whenSynced(scope.signal)));
      // A port that another program holds must not keep the rest from starting: it is a problem that is told and tried again.
      wake();
      await queue.whenIdle();
      const listening: Disposable[] = [routes, services, slices].map((informer) => informer.onChange(wake));
      for (const listen of [options.onDefaultCertificate, options.onConfiguration, options.onMachineAddresses]) {
        const one = listen?.(wake);
        if (one !== undefined) listening.push(one);
      }
      scope.onClose(() => listening.forEach((one) => one[Symbol.dispose]()));
      await queue.whenIdle();
      health = new HealthService({
        ...options,
        logger,
        routerName: options.routerName ?? 'default',
        everywhere,
        haproxy,
        loop: running,
      });
      await health.start(scope);
      logger.info('ready', { routes: routes.list().length });
    },
  };
}
