// A node agent on a test machine, with the real API server in process.
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { systemClock } from '#base/clock.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { loggedScope, type Scope } from '#base/scope.ts';
import { createEventRecorder } from '#client/event-recorder.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import type { Client, Informer } from '#client/client.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { podConnector } from '#host/pod-connector.ts';
import { upgradeAnswer } from '#host/upgrade-answer.ts';
import type { NodeConnector } from '#apiserver/ports.ts';
import { createNodeAgent, type NodeAgent, type NodeAgentOptions } from '#node/agent.ts';
import type { Container } from '#node/cri/messages.ts';
import { connectRuntime, type ContainerRuntime } from '#node/cri/runtime.ts';
import { administrator, type Json, startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { pauseImageName } from '../../../scripts/images/stock-images.ts';
import { nodeRequest, openNodePort } from './node-door.ts';
import type { TestMachine } from './machine.ts';

export interface TestNode {
  readonly api: TestApiServer;
  readonly client: Client;
  agent: NodeAgent;
  readonly pods: Informer<Pod>;
  /** Calls to the runtime by name, so far. */
  readonly calls: Map<string, number>;
  /** The revision: how often the API's store was written. */
  writes(): number;
  /** Ends the agent as a stop of the process would, and starts another. */
  restart(change?: Changes, whileDown?: () => Promise<void>): Promise<void>;
  /** All that the runtime has. */
  containers(): Promise<readonly Container[]>;
  /** Waits until `check` gives something; fails with the last state of the pod. */
  until<T>(what: string, check: () => Promise<T | undefined | false>, timeoutMs?: number): Promise<T>;
  createPod(pod: { readonly name: string; readonly spec: Json; readonly metadata?: Json }): Promise<Json>;
  pod(name: string): Promise<Json>;
  /** `reason: message`, in order of writing. */
  events(podName: string): Promise<string[]>;
  close(): Promise<void>;
}

const problems: Logger = process.env['NODE_E2E_LOG'] === undefined ? silentLogger : consoleLogger('');
function consoleLogger(name: string): Logger {
  const log = (message: string, fields?: object) => console.error(name, message, JSON.stringify(fields ?? {}));
  return { debug() {}, info: log, warn: log, error: log, named: (one) => consoleLogger(`${name}/${one}`) };
}

function counted(runtime: ContainerRuntime, calls: Map<string, number>): ContainerRuntime {
  return new Proxy(runtime, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]): unknown => {
        calls.set(String(name), (calls.get(String(name)) ?? 0) + 1);
        return Reflect.apply(value, target, values);
      };
    },
  });
}

/** The API server's way to the node's API, for what does not upgrade; `openNodePort` gives the rest. */
const connectorTo = (node: () => TestNode): NodeConnector => ({
  async request(_, { method, pathAndQuery, signal }) {
    const { status, body } = await node().agent.api.handle(nodeRequest(pathAndQuery, { method, signal }));
    const stream = body.type === 'stream' ? body.stream : body.type === 'bytes' ? Readable.from(body.parts) : [];
    return {
      status,
      contentType: 'contentType' in body ? (body.contentType ?? '') : '',
      stream: Readable.from(stream),
    };
  },
  async upgrade(_, { method, pathAndQuery, headers }) {
    const door = await openNodePort(node());
    const answer = await upgradeAnswer(request({ port: door.port, method, path: pathAndQuery, headers, agent: false }));
    answer.socket.once('close', () => door.close());
    return answer;
  },
});

/** Of its own, so that it can be removed as a whole. */
export const cgroupRoot = `kubepods-e2e-${process.pid}`;

type Changes = Partial<{ [K in keyof NodeAgentOptions]: Exclude<NodeAgentOptions[K], undefined> }>;

export async function startTestNode(machine: TestMachine, more: Changes = {}): Promise<TestNode> {
  const api = await startApiServer({ clock: systemClock, pods: podConnector, nodes: connectorTo(() => node) });
  const client = createInProcessClient({ handler: api.server, identity: administrator, clock: systemClock });
  await api.send('POST', '/api/v1/namespaces/default/serviceaccounts', {
    body: { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' } },
  });
  const calls = new Map<string, number>();
  let scope: Scope | undefined;
  let runtime: ContainerRuntime | undefined;
  const start = async (change: Changes = {}): Promise<NodeAgent> => {
    scope = loggedScope('node', problems);
    const events = createEventRecorder({
      client,
      clock: systemClock,
      logger: problems,
      component: 'kubelet',
      host: 'n1',
    });
    scope.onClose(() => events.close());
    const agent = createNodeAgent({
      client,
      events,
      machine: linuxNodeMachine(),
      clock: systemClock,
      random: systemRandom,
      logger: problems,
      nodeName: 'n1',
      nodeIps: () => ['10.88.7.1'],
      clusterId: 'test-cluster',
      connectRuntime: async () => {
        runtime = counted(await connectRuntime(machine.socketPath, systemClock), calls);
        return runtime;
      },
      kubeletVersion: 'v1.36.2',
      rootDirectory: `${machine.directory}/kubelet`,
      podLogDirectory: `${machine.directory}/pod-logs`,
      clusterDns: ['10.43.0.10'],
      clusterDomain: 'cluster.local',
      cgroupDriver: 'cgroupfs',
      cgroupRoot,
      pinnedImages: () => [pauseImageName],
      authFiles: [],
      apiServerNames: ['api-server'],
      ...more,
      ...change,
    });
    await agent.start(scope);
    return agent;
  };
  const node: TestNode = {
    api,
    client,
    agent: await start(),
    pods: client.informer(Pods),
    calls,
    writes: () => api.store.revision,
    containers: async () => (await runtime?.listContainers()) ?? [],
    async restart(change, whileDown) {
      await scope?.close();
      await whileDown?.();
      node.agent = await start(change);
    },
    async until(what, check, timeoutMs = 15_000) {
      const deadline = Date.now() + timeoutMs;
      let failure: unknown;
      while (Date.now() < deadline) {
        try {
          const found = await check();
          if (found !== undefined && found !== false) return found as never;
        } catch (error) {
          failure = error;
        }
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      const list = await api.get('/api/v1/pods');
      const events = await api.get('/api/v1/events');
      const pods = list.items.map((one: Json) => [
        one.metadata.name,
        one.metadata.deletionTimestamp,
        one.status.phase,
        one.status.containerStatuses,
      ]);
      const told = events.items
        .slice(-12)
        .map((one: Json) => `${one.involvedObject.name} ${one.reason}: ${one.message}`);
      throw new Error(`${what}: not in time; ${JSON.stringify(pods)} ${told.join('; ')}`, { cause: failure });
    },
    createPod: ({ name, spec, metadata }) =>
      api.create('/api/v1/namespaces/default/pods', {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { name, ...metadata },
        spec: { nodeName: 'n1', automountServiceAccountToken: false, terminationGracePeriodSeconds: 1, ...spec },
      }),
    pod: (name) => api.get(`/api/v1/namespaces/default/pods/${name}`),
    async events(podName) {
      const list = await api.get('/api/v1/namespaces/default/events');
      return list.items
        .filter((one: Json) => one.involvedObject.name === podName)
        .map((one: Json) => `${one.reason}: ${one.message}`);
    },
    async close() {
      await scope?.close();
      await client.close();
      api.close();
    },
  };
  return node;
}
