// A large cluster in one process: the real API server, store in memory, controllers and scheduler, and nodes that are simulated. Says how long
// requests took, how fast Pods found their nodes, and whether upstream's objectives held.
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import { Deployments, Namespaces, Pods, ServiceAccounts } from '#api/generated/kind-references.ts';
import { createApiServer } from '#apiserver/api-server.ts';
import { type BootstrapObject, bootstrapObjects } from '#assembly/bootstrap-objects.ts';
import { bootstrapRbac, type RbacFacts, rbacGroups } from '#assembly/bootstrap-rbac.ts';
import { versionInfo } from '#assembly/version.ts';
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import type { Random } from '#base/random.ts';
import { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import { createEventRecorder } from '#client/event-recorder.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { createControllers } from '#controllers/service.ts';
import { certificateSerial } from '#pki/certificate.ts';
import { createScheduler } from '#scheduler/scheduler.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import { simulatedConfiguration } from '../world/control-plane.ts';
import { requestSigner } from '../world/keys.ts';
import { isMutating, Latencies, type LatencyRow } from './latencies.ts';
import { inParallel, SimulatedNodes } from './nodes.ts';

export interface ScaleOptions {
  readonly nodes: number;
  readonly pods: number;
  readonly podsPerDeployment: number;
  readonly podStartMs: number;
  readonly podStopMs: number;
  readonly leaseSeconds: number;
  /** The cluster's. */
  readonly clock: Clock;
  /** What things take is measured with it; the same as `clock` in real time. */
  readonly realClock: Clock;
  readonly random: Random;
  readonly residentBytes: () => number;
  /** Of this process, since it began. */
  readonly processorSeconds: () => number;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface ScaleReport {
  readonly latencies: readonly LatencyRow[];
  readonly registeredSeconds: number;
  /** From the first Deployment to the last binding, and to the last Pod that runs. */
  readonly scheduledSeconds: number;
  readonly runningSeconds: number;
  readonly podsPerSecond: number;
  /** While Pods were scheduled. */
  readonly podsPerProcessorSecond: number;
  /** What passed by the cluster's clock until the last Pod ran. */
  readonly clusterSeconds: number;
  readonly residentBytesMax: number;
  /** Of upstream's objectives, and of the memory; empty: all held. */
  readonly broken: readonly string[];
}

const mutatingP99Ms = 1_000;
const readP99Ms = 1_000;
/** Of lists over the whole cluster. */
const listP99Ms = 30_000;
const memoryBytesMax = 4 * 1024 ** 3;
const namespaces = 10;
const lookMs = 1_000;

const groupsOf = (name: string): readonly string[] => {
  const [, , namespace] = name.split(':');
  if (name === 'admin') return ['system:masters', 'system:authenticated'];
  return name.startsWith('system:serviceaccount:')
    ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
    : ['system:authenticated'];
};

interface Started {
  readonly admin: Client;
  readonly latencies: Latencies;
}

async function startControlPlane(
  { clock, realClock, random }: ScaleOptions,
  scope: Scope,
  logger: Logger,
): Promise<Started> {
  const configuration = await simulatedConfiguration();
  const latencies = new Latencies(realClock);
  const server = createApiServer({
    store: createMemoryStore({ clock }),
    clock,
    random,
    logger,
    version: versionInfo(),
    serviceAccountTokens: {
      issuer: 'https://kubernetes.default.svc',
      audiences: ['https://kubernetes.default.svc'],
      publicKeys: () => [],
      signer: { sign: () => Promise.reject(new Error('nobody has a token in a simulation')) },
    },
    serviceCidrs: configuration.cluster.serviceRanges,
    nodePortRange: { from: configuration.cluster.nodePorts.first, to: configuration.cluster.nodePorts.last },
    clusterDomain: configuration.cluster.domain,
    publishesServiceCa: true,
    routeDomain: `apps.${configuration.dns.baseDomain}`,
  });
  const handler = latencies.around(server);
  const clientAs = (name: string): Client => {
    const client = createInProcessClient({
      handler,
      identity: { name, groups: groupsOf(name) },
      clock,
      random,
      logger,
    });
    scope.onClose(() => client.close());
    return client;
  };
  const admin = clientAs('admin');
  const rbac = rbacGroups(bootstrapRbac(facts as unknown as RbacFacts)).flatMap(({ kind, objects }) =>
    objects.map((object): BootstrapObject => ({ kind, object })),
  );
  const all = [...bootstrapObjects(configuration, { clientPem: '', requestHeaderPem: '' }), ...rbac];
  const isFirst = ({ kind }: BootstrapObject) => kind.resource === 'namespaces' || !kind.namespaced;
  for (const part of [all.filter(isFirst), all.filter((one) => !isFirst(one))])
    await Promise.all(part.map(({ kind, object }) => admin.resource(kind).create(object)));
  const events = (client: Client, component: string) => {
    const recorder = createEventRecorder({ client, component, clock, logger, random });
    scope.onClose(() => recorder.close());
    return recorder;
  };
  const serial = () => certificateSerial(random);
  const schedulerClient = clientAs('system:kube-scheduler');
  const services = [
    createControllers({
      client: clientAs,
      events,
      clock,
      logger,
      config: {
        rootCaCertificates: () => 'PEM',
        // A simulated node's Pods have no network: a range for each of 65,536 nodes is enough.
        clusterNetworks: [{ cidr: '10.0.0.0/8', nodePrefixLength: 24 }],
        certificateSigning: { signer: requestSigner, serial },
      },
    }),
    createScheduler({
      client: schedulerClient,
      events: events(schedulerClient, 'default-scheduler'),
      clock,
      random,
      logger,
    }),
  ];
  await Promise.all(services.map((one) => one.start(scope)));
  return { admin, latencies };
}

export async function runScale(options: ScaleOptions): Promise<ScaleReport> {
  const { clock, realClock, onProgress, signal } = options;
  const clusterBeganMs = clock.monotonicMs();
  const logger: Logger = {
    ...silentLogger,
    error: (message, fields) => onProgress(`error: ${message} ${JSON.stringify(fields ?? {})}`),
    named: () => logger,
  };
  const scope = new Scope('scale', (task, error) => onProgress(`${task} failed: ${messageOf(error)}`));
  try {
    const { admin, latencies } = await startControlPlane(options, scope, logger);
    const nodes = new SimulatedNodes({
      ...options,
      client: admin,
      scope,
      count: options.nodes,
      podsPerNodeMax: Math.max(110, Math.ceil((options.pods / options.nodes) * 2)),
    });
    let residentBytesMax = 0;
    const seconds = (sinceMs: number) => (realClock.monotonicMs() - sinceMs) / 1000;
    const beganMs = realClock.monotonicMs();
    await nodes.register();
    const registeredSeconds = seconds(beganMs);
    onProgress(`${options.nodes} nodes are registered after ${registeredSeconds.toFixed(1)} s`);
    await nodes.follow();
    await makeNamespaces(admin, clock, signal);

    let bound = 0;
    let scheduledSeconds = 0;
    let processorSeconds = 0;
    const podsMs = realClock.monotonicMs();
    const processorBefore = options.processorSeconds();
    const listening = admin.informer(Pods).onChange(({ previous, current }) => {
      if ((previous?.spec.nodeName ?? '') !== '' || (current?.spec.nodeName ?? '') === '') return;
      if (++bound !== options.pods) return;
      scheduledSeconds = seconds(podsMs);
      processorSeconds = options.processorSeconds() - processorBefore;
    });
    scope.onClose(() => listening[Symbol.dispose]());
    await makeDeployments(admin, options);
    let told = { bound: 0, atSeconds: 0 };
    while (nodes.running < options.pods) {
      await sleep(clock, lookMs, signal);
      const resident = options.residentBytes();
      residentBytesMax = Math.max(residentBytesMax, resident);
      const now = seconds(podsMs);
      if (now - told.atSeconds < 0.9) continue;
      const rate = Math.round((bound - told.bound) / (now - told.atSeconds));
      told = { bound, atSeconds: now };
      onProgress(
        `${now.toFixed(0)} s: ${bound} Pods have a node (${rate} a second), ${nodes.running} run, ${Math.round(resident / 1024 ** 2)} MB`,
      );
    }
    const rows = latencies.rows();
    return {
      latencies: rows,
      registeredSeconds,
      scheduledSeconds,
      runningSeconds: seconds(podsMs),
      podsPerSecond: options.pods / scheduledSeconds,
      podsPerProcessorSecond: options.pods / processorSeconds,
      clusterSeconds: (clock.monotonicMs() - clusterBeganMs) / 1000,
      residentBytesMax,
      broken: [...rows.flatMap(brokenBy), ...(residentBytesMax > memoryBytesMax ? ['memory: more than 4 GB'] : [])],
    };
  } finally {
    await scope.close();
  }
}

function brokenBy({ verb, resource, p99Ms }: LatencyRow): readonly string[] {
  const most = isMutating(verb) ? mutatingP99Ms : verb === 'LIST' ? listP99Ms : readP99Ms;
  return p99Ms <= most ? [] : [`${verb} ${resource}: p99 ${p99Ms.toFixed(0)} ms, ${most} ms are upstream's objective`];
}

async function makeNamespaces(admin: Client, clock: Clock, signal: AbortSignal): Promise<void> {
  for (let index = 0; index < namespaces; index++)
    await admin.resource(Namespaces).create({ metadata: { name: `scale-${index}` }, spec: {} });
  for (let index = 0; index < namespaces; index++)
    while ((await admin.resource(ServiceAccounts).find({ namespace: `scale-${index}`, name: 'default' })) === undefined)
      await sleep(clock, 50, signal);
}

async function makeDeployments(admin: Client, { pods, podsPerDeployment }: ScaleOptions): Promise<void> {
  const count = Math.ceil(pods / podsPerDeployment);
  await inParallel(count, 8, async (index) => {
    const labels = { app: `app-${index}` };
    await admin.resource(Deployments).create({
      metadata: { name: `app-${index}`, namespace: `scale-${index % namespaces}`, labels },
      spec: {
        replicas: Math.min(podsPerDeployment, pods - index * podsPerDeployment),
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: 'app',
                image: 'registry.example/app:1',
                resources: { requests: { cpu: '100m', memory: '200Mi' } },
              },
            ],
          },
        },
      },
    });
  });
}
