// The real control plane in one test: API server on the memory store, bootstrap roles, all controllers and the scheduler,
// on a clock that moves only while a test waits for something.
import assert from 'node:assert/strict';
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import { Namespaces } from '#api/generated/kind-references.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { bootstrapRbac, rbacGroups, type RbacFacts } from '#assembly/bootstrap-rbac.ts';
import type { ApiServerOptions } from '#apiserver/options.ts';
import type { Logger } from '#base/log.ts';
import { MetricRegistry } from '#base/metrics/registry.ts';
import { seededRandom } from '#base/random.ts';
import { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import { createEventRecorder } from '#client/event-recorder.ts';
import { createInProcessClient } from '#client/in-process.ts';
import type { VolumeDirectories } from '#controllers/hostpath-provisioner/controller.ts';
import { createControllers } from '#controllers/service.ts';
import { certificateSerial, issueCertificate, type KeyPair } from '#pki/certificate.ts';
import { createScheduler } from '#scheduler/scheduler.ts';
import { administrator, pathOf, startApiServer, type Json, type TestApiServer } from './start-api-server.ts';

export interface TestControlPlane extends AsyncDisposable {
  readonly api: TestApiServer;
  readonly admin: Client;
  /** Messages logged as warning or error. */
  readonly complaints: readonly string[];
  /** Directories of volumes that were made and not removed. */
  readonly directories: ReadonlySet<string>;
  create(kind: KindReference, object: object): Promise<Json>;
  /** Undefined: it is not there. */
  find(kind: KindReference, namespace: string | undefined, name: string): Promise<Json>;
  list(kind: KindReference, namespace?: string): Promise<Json[]>;
  /** Lets work go on and time pass (20 ms a step) until `check` no longer throws. */
  eventually<T>(check: () => Promise<T>, limitMs?: number): Promise<T>;
  /** Lets time pass with everything that is due in it. */
  pass(milliseconds: number): Promise<void>;
}

let signer: KeyPair | undefined;
/** Of requests for certificates. */
export const testSigner = (): KeyPair =>
  (signer ??= issueCertificate({
    subject: { commonName: 'test-csr-signer' },
    use: 'authority',
    notBeforeMs: 0,
    notAfterMs: Date.UTC(2099, 0),
    serial: Uint8Array.of(1),
  }));

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export async function startControlPlane(
  options: { readonly rootCa?: string; readonly api?: Partial<ApiServerOptions> } = {},
): Promise<TestControlPlane> {
  const metrics = new MetricRegistry();
  const api = await startApiServer({ metrics, ...options.api });
  const clock = api.virtualClock;
  const complaints: string[] = [];
  const loggerOf = (name: string): Logger => ({
    debug() {},
    info() {},
    warn: (message, fields) => void complaints.push(`${name}: ${message} ${JSON.stringify(fields ?? {})}`),
    error: (message, fields) => void complaints.push(`${name}: ${message} ${JSON.stringify(fields ?? {})}`),
    named: (inner) => loggerOf(inner),
  });
  const logger = loggerOf('test');
  const random = seededRandom(7);
  const clients: Client[] = [];
  const clientAs = (name: string): Client => {
    const [, , namespace] = name.split(':');
    const groups = name.startsWith('system:serviceaccount:')
      ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
      : name === administrator.name
        ? administrator.groups
        : ['system:authenticated'];
    const client = createInProcessClient({ handler: api.server, identity: { name, groups }, clock, random, logger });
    clients.push(client);
    return client;
  };
  const admin = clientAs(administrator.name);
  // JSON types its tuples as lists.
  for (const name of ['openshift-service-ca', 'openshift-infra'])
    await admin.resource(Namespaces).create({ metadata: { name }, spec: {} });
  for (const { kind, objects } of rbacGroups(bootstrapRbac(facts as unknown as RbacFacts)))
    for (const object of objects) await admin.resource(kind).create(object);

  const directories = new Set<string>();
  const volumeDirectories: VolumeDirectories = {
    root: '/var/hpvolumes',
    make: async (path) => void directories.add(path),
    remove: async (path) => void directories.delete(path),
  };
  const scope = new Scope('control-plane', (task, error) => void complaints.push(`${task}: ${String(error)}`));
  const events = (client: Client, component: string) => {
    const recorder = createEventRecorder({ client, component, clock, logger, random });
    scope.onClose(() => recorder.close());
    return recorder;
  };
  const schedulerClient = clientAs('system:kube-scheduler');
  const services = [
    createControllers({
      client: clientAs,
      events,
      clock,
      logger,
      metrics,
      config: {
        signToken: (claims) => `signed ${JSON.stringify(claims)}`,
        rootCaCertificates: () => options.rootCa ?? 'PEM',
        clusterNetworks: [{ cidr: '10.42.0.0/16', nodePrefixLength: 24 }],
        certificateSigning: { signer: testSigner, serial: () => certificateSerial(random) },
        serviceCa: { clusterDomain: 'cluster.local', serial: () => certificateSerial(random) },
        volumeDirectories,
      },
    }),
    createScheduler({
      client: schedulerClient,
      events: events(schedulerClient, 'default-scheduler'),
      clock,
      random,
      logger,
      metrics,
    }),
  ];
  await Promise.all(services.map((one) => one.start(scope)));
  await api.server.keepOwnObjects();

  const step = async (milliseconds: number) => {
    for (let count = 0; count < 10; count++) await turn();
    clock.advance(milliseconds);
    for (let count = 0; count < 10; count++) await turn();
  };
  const find: TestControlPlane['find'] = async (kind, namespace, name) => {
    const answer = await api.send('GET', pathOf(kind, namespace, name));
    return answer.status === 404 ? undefined : answer.json;
  };
  return {
    api,
    admin,
    complaints,
    directories,
    find,
    create(kind, object) {
      const { namespace } = (object as KubernetesObject).metadata;
      const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
      return api.create(pathOf(kind, kind.namespaced ? (namespace ?? 'default') : undefined), {
        kind: kind.kind,
        apiVersion,
        ...object,
      });
    },
    list: async (kind, namespace) => ((await api.get(pathOf(kind, namespace))) as { items: Json[] }).items,
    async eventually(check, limitMs = 10_000) {
      for (let passed = 0; ; passed += 20) {
        try {
          return await check();
        } catch (error) {
          if (passed >= limitMs) {
            assert.ok(error instanceof Error);
            error.message += `\ncomplaints:\n${complaints.slice(-10).join('\n')}`;
            throw error;
          }
        }
        await step(20);
      }
    },
    async pass(milliseconds) {
      for (let left = milliseconds; left > 0; left -= 1000) await step(Math.min(1000, left));
    },
    async [Symbol.asyncDispose]() {
      await scope.close();
      for (const client of clients) await client.close();
      api.close();
    },
  };
}

/** A node that is ready and has room. */
export const readyNode = (
  name: string,
  capacity: Readonly<Record<string, string>> = {},
): KubernetesObject & { status: object } => {
  const resources = { cpu: '4', memory: '8Gi', 'ephemeral-storage': '50Gi', pods: '110', ...capacity };
  return {
    kind: 'Node',
    apiVersion: 'v1',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'kubelet is posting ready status',
          lastHeartbeatTime: '2026-01-02T03:04:05Z',
          lastTransitionTime: '2026-01-02T03:04:05Z',
        },
        ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({
          type,
          status: 'False',
          lastHeartbeatTime: '2026-01-02T03:04:05Z',
          lastTransitionTime: '2026-01-02T03:04:05Z',
        })),
      ],
    },
  };
};
