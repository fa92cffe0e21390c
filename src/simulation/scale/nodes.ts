// Nodes that run nothing: they register, renew their Leases, and let Pods live as Kubernetes' Pods live, after the times that are given.
import { Leases, Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { formatMicroTime, formatTime } from '#api/meta/time.ts';
import { isNotFound } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import type { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';

export interface SimulatedNodesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly scope: Scope;
  readonly count: number;
  readonly podStartMs: number;
  readonly podStopMs: number;
  readonly leaseSeconds: number;
  readonly podsPerNodeMax: number;
}

const sideBySide = 64;
const leaseNamespace = 'kube-node-lease';
export const nodeNameAt = (index: number): string => `simulated-${index}`;

export class SimulatedNodes {
  readonly #options: SimulatedNodesOptions;
  readonly #seen = new Set<string>();
  running = 0;

  constructor(options: SimulatedNodesOptions) {
    this.#options = options;
  }

  async register(): Promise<void> {
    await inParallel(this.#options.count, sideBySide, (index) => this.#registerOne(index));
  }

  /** From now on Pods that come to a node begin, and those that are to go, go. */
  async follow(): Promise<void> {
    const { client, scope } = this.#options;
    const pods = client.informer(Pods);
    await pods.whenSynced(scope.signal);
    const listening = pods.onChange(({ current }) => {
      if (current !== undefined && (current.spec.nodeName ?? '') !== '') this.#onPod(current);
    });
    scope.onClose(() => listening[Symbol.dispose]());
  }

  async #registerOne(index: number): Promise<void> {
    const { client, clock, podsPerNodeMax } = this.#options;
    const name = nodeNameAt(index);
    const amounts = { cpu: '32', memory: '256Gi', pods: String(podsPerNodeMax) };
    await client.resource(Nodes).create({
      metadata: {
        name,
        labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${index % 3}` },
      },
      spec: {},
    });
    const conditions = [
      { type: 'Ready', status: 'True', reason: 'KubeletReady', lastTransitionTime: formatTime(clock.now()) },
    ];
    await client
      .resource(Nodes)
      .patch(
        { name },
        { type: 'merge', value: { status: { capacity: amounts, allocatable: amounts, conditions } } },
        { subresource: 'status' },
      );
    await client.resource(Leases).create({
      metadata: { name, namespace: leaseNamespace },
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: formatMicroTime(clock.now()) },
    });
    this.#renewLater(name);
  }

  #renewLater(name: string): void {
    const { client, clock, scope, leaseSeconds } = this.#options;
    clock.schedule(leaseSeconds * 1000, () => {
      if (scope.closed) return;
      scope.spawn(`lease of ${name}`, async () => {
        const renewTime = formatMicroTime(clock.now());
        await client
          .resource(Leases)
          .patch({ namespace: leaseNamespace, name }, { type: 'merge', value: { spec: { renewTime } } });
        this.#renewLater(name);
      });
    });
  }

  #onPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const { clock, podStartMs, podStopMs } = this.#options;
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (this.#seen.delete(uid)) clock.schedule(podStopMs, () => this.#spawn(pod, () => this.#end(pod)));
    } else if (pod.status?.phase === 'Pending' && !this.#seen.has(uid)) {
      this.#seen.add(uid);
      clock.schedule(podStartMs, () => this.#spawn(pod, () => this.#begin(pod)));
    }
  }
  #spawn(pod: Pod, work: () => Promise<void>): void {
    const { scope } = this.#options;
    if (scope.closed) return;
    scope.spawn(`Pod ${pod.metadata.name}`, () =>
      work().catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      }),
    );
  }
  async #begin(pod: Pod): Promise<void> {
    const { client, clock } = this.#options;
    const now = formatTime(clock.now());
    const number = this.running++;
    const podIP = `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
    const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: now });
    const containerStatuses = pod.spec.containers.map(({ name, image = '' }) => ({
      name,
      image,
      imageID: image,
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: now } },
    }));
    await client.resource(Pods).patch(
      { namespace: pod.metadata.namespace, name: pod.metadata.name ?? '' },
      {
        type: 'strategic',
        value: {
          metadata: { uid: pod.metadata.uid },
          status: {
            phase: 'Running',
            startTime: now,
            podIP,
            podIPs: [{ ip: podIP }],
            conditions: ['Initialized', 'Ready', 'ContainersReady'].map(condition),
            containerStatuses,
          },
        },
      },
      { subresource: 'status' },
    );
  }
  async #end(pod: Pod): Promise<void> {
    this.running--;
    await this.#options.client
      .resource(Pods)
      .delete(
        { namespace: pod.metadata.namespace, name: pod.metadata.name ?? '' },
        { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } },
      );
  }
}

export async function inParallel(count: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}
