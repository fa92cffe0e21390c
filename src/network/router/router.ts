// The router: keeps HAProxy at what Routes, Services and EndpointSlices say, and tells each Route whether it is admitted.
// Endpoints go through the admin socket; a reload is for new hosts, certificates and more slots.
import { EndpointSlices, Routes, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Route } from '#api/generated/types.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Service as ProcessService } from '#base/service.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { Client, InformerIndex } from '#client/client.ts';
import type { HostChanges } from '#host/changes.ts';
import { systemFiles, type Files } from '#host/files.ts';
import {
  decideAdmission,
  decideStatus,
  keyOf,
  type AdmissionSettings,
  type AdmittedRoute,
  type Verdict,
} from './admission.ts';
import { assignSlots, serversOf, slotCommands, type ServiceLookup, type Slots } from './backends.ts';
import { backendName, renderRouter, type RouterFiles, type RouterSettings, type WorkerUser } from './haproxy-config.ts';
import { Haproxy, RefusedConfiguration } from './haproxy.ts';

export interface RouterOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly changes: HostChanges;
  /** Such as `apps.example.com`: hosts of Routes that name none. */
  readonly domain: string;
  /** Default `default`. */
  readonly routerName?: string | undefined;
  readonly canonicalHostname?: string | undefined;
  /** Default: all, of both families where the kernel has IPv6. */
  readonly listenAddresses?: readonly string[] | undefined;
  readonly httpPort?: number | undefined;
  readonly httpsPort?: number | undefined;
  readonly healthPort?: number | undefined;
  /** Asked again after each call of the listener of `onDefaultCertificate`. */
  readonly defaultCertificatePem: () => string;
  readonly onDefaultCertificate?: ((listener: () => void) => Disposable) | undefined;
  readonly serviceCaPem?: string | undefined;
  /** Emptied by a reboot, such as /run/microshift/router. */
  readonly runDirectory: string;
  /** Where HAProxy's log file is. */
  readonly logDirectory: string;
  readonly user?: WorkerUser | undefined;
  readonly threads?: number | undefined;
  readonly command?: string | undefined;
  readonly dependsOn?: readonly string[] | undefined;
  readonly files?: Files | undefined;
}

/** So many rounds of leaving out what is refused before the whole waits for another try. */
const refusedAtOnceMax = 20;

const slicesByService: InformerIndex<EndpointSlice> = {
  name: 'service',
  keysOf: (slice) => [`${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`],
};

export function createRouter(options: RouterOptions): ProcessService {
  const logger = options.logger.named('router');
  let problem: string | undefined;
  let haproxy: Haproxy | undefined;
  return {
    name: 'router',
    dependsOn: options.dependsOn ?? [],
    problems: () => [problem ?? haproxy?.problem].filter((one) => one !== undefined),
    async start(scope: Scope) {
      const { client, clock } = options;
      const files = options.files ?? systemFiles;
      const admission: AdmissionSettings = {
        routerName: options.routerName ?? 'default',
        canonicalHostname: options.canonicalHostname,
        domain: options.domain,
      };
      const settings: Omit<RouterSettings, 'defaultCertificatePem'> = {
        listenAddresses: options.listenAddresses ?? [(await files.exists('/proc/net/if_inet6')) ? '::' : '*'],
        httpPort: options.httpPort ?? 80,
        httpsPort: options.httpsPort ?? 443,
        healthPort: options.healthPort ?? 1936,
        serviceCaPem: options.serviceCaPem,
        runDirectory: options.runDirectory,
        user: options.user,
        threads: options.threads ?? 2,
      };
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
      const running = new Haproxy({
        clock,
        logger,
        files,
        runDirectory: options.runDirectory,
        stateFile,
        logFile: `${options.logDirectory}/haproxy.log`,
        command: options.command ?? 'haproxy',
        onRestarted: () => {
          held = undefined;
          queue.add('router');
        },
      });
      haproxy = running;

      let slots = new Map<string, Slots>();
      /** What HAProxy has in its slots; undefined: to be asked. */
      let held: Map<string, Slots> | undefined;
      let digest: string | undefined;
      let started = false;

      /** What HAProxy said against a Route, for as long as the Route stays as it is. */
      const refusals = new WeakMap<Route['spec'], string>();
      const render = (): { wanted: RouterFiles; admitted: readonly AdmittedRoute[]; verdicts: readonly Verdict[] } => {
        const { admitted, verdicts } = decideAdmission(routes.list(), admission, (route) => refusals.get(route.spec));
        const before = held ?? slots;
        slots = new Map(
          admitted.map((one) => {
            const name = backendName(one);
            return [name, assignSlots(before.get(name) ?? slots.get(name) ?? [], serversOf(one.route, lookup))];
          }),
        );
        const defaultCertificatePem = options.defaultCertificatePem();
        const wanted = renderRouter(admitted, (backend) => slots.get(backend) ?? [], {
          ...settings,
          defaultCertificatePem,
        });
        return { wanted, admitted, verdicts };
      };
      /** Writes what HAProxy accepts: a Route that it refuses is left out, and the others are served. */
      const write = async (first: ReturnType<typeof render>): Promise<ReturnType<typeof render>> => {
        for (let attempt = first, tries = 0; ; attempt = render(), tries++) {
          try {
            await running.write(attempt.wanted);
            return attempt;
          } catch (error) {
            if (!(error instanceof RefusedConfiguration) || tries >= refusedAtOnceMax) throw error;
            const named = attempt.admitted.filter((one) => error.backends.has(backendName(one)));
            if (named.length === 0) throw error;
            for (const one of named) {
              const words = error.backends.get(backendName(one)) ?? '';
              refusals.set(one.route.spec, `the router cannot serve it: ${words}`);
              logger.warn('a Route is refused', { route: keyOf(one.route), reason: words });
            }
          }
        }
      };
      const synchronise = async () => {
        if (started && held === undefined) held = await readHeld(running);
        const before = held ?? slots;
        let { wanted, verdicts } = render();
        if (!started) {
          ({ wanted, verdicts } = await write(render()));
          const how = await running.start();
          started = true;
          scope.onClose(() => running.release());
          if (how === 'started') {
            await running.whenRunning(wanted.digest);
            digest = wanted.digest;
            held = slots;
          } else {
            digest = await running.runningDigest();
            logger.info('adopted the running HAProxy');
            queue.add('router');
            return;
          }
        } else if (wanted.digest !== digest) {
          ({ wanted, verdicts } = await write(render()));
          await running.reload(wanted.digest);
          digest = wanted.digest;
          held = slots;
        } else {
          const commands = [...slots].flatMap(([backend, after]) =>
            slotCommands(backend, before.get(backend) ?? [], after),
          );
          if (commands.length > 0) {
            held = undefined;
            const said = (await running.command(commands)).trim();
            // HAProxy says what it changed ("IP changed from ..."); only these are refusals.
            if (/No such|Invalid|not found|Require|Unknown|error|failed/i.test(said))
              throw new Error(`the admin socket says: ${said.slice(0, 300)}`);
          }
          held = slots;
          await running.keep(wanted);
        }
        problem = undefined;
        for (const verdict of verdicts) {
          const ingress = decideStatus(verdict, admission, new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'));
          if (ingress === undefined) continue;
          const status = { ...verdict.route.status, ingress };
          try {
            await client.resource(Routes).update({ ...verdict.route, status }, { subresource: 'status' });
          } catch (error) {
            // Changed or gone meanwhile: its event brings us back.
            logger.debug('cannot write the status of a Route', {
              route: `${verdict.route.metadata.namespace}/${verdict.route.metadata.name}`,
              error: messageOf(error),
            });
          }
        }
      };

      const queue = new WorkQueue({
        clock,
        concurrency: 1,
        backoff: { baseMs: 100, maxMs: 30_000 },
        work: synchronise,
        onError(_key, error, retryInMs) {
          problem = `Routes may not be reachable: ${messageOf(error)}`;
          logger.error('cannot bring HAProxy up to date', { error: messageOf(error), retryInMs });
        },
      });
      scope.onClose(() => queue.close());
      await Promise.all([routes, services, slices].map((informer) => informer.whenSynced(scope.signal)));
      // A port that another program holds must not keep the rest from starting: it is a problem that is told and tried again.
      queue.add('router');
      await queue.whenIdle();
      const wake = () => queue.add('router');
      const listening = [routes, services, slices].map((informer) => informer.onChange(wake));
      const renewal = options.onDefaultCertificate?.(wake);
      if (renewal !== undefined) listening.push(renewal);
      scope.onClose(() => listening.forEach((one) => one[Symbol.dispose]()));
      await queue.whenIdle();
      logger.info('ready', { routes: routes.list().length });
    },
  };
}

async function readHeld(running: Haproxy): Promise<Map<string, Slots>> {
  const held = new Map<string, Slots[number][]>();
  for (const server of await running.heldServers()) {
    let slots = held.get(server.backend);
    if (slots === undefined) held.set(server.backend, (slots = []));
    slots[server.slot] = server.ready ? { ip: server.ip, port: server.port, weight: server.weight } : undefined;
  }
  return held;
}
