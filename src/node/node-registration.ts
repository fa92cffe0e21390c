// Keeps the Node object and its Lease: made at the start, status on change and every 5 minutes, Lease every 10 seconds.
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import { Leases, Nodes } from '#api/generated/kind-references.ts';
import type { Node, NodeStatus } from '#api/generated/types.ts';
import { isAlreadyExists, isConflict, isNotFound } from '#api/status.ts';
import type { Client } from '#client/client.ts';
import type { MachineFacts } from '#host/node-machine.ts';
import { nodeLabels, sameButHeartbeat } from './node-status.ts';

export interface NodeRegistrationOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  readonly nodeName: string;
  readonly facts: MachineFacts;
  readonly labels: Readonly<Record<string, string>>;
  /** Looked at this often; written only on change, or when the last report is older than `reportMs`. */
  readonly lookMs: number;
  /** Never throws. */
  readonly currentStatus: (previous: NodeStatus | undefined) => Promise<NodeStatus>;
}

const leaseDurationSeconds = 40;
const leaseRenewMs = 10_000;
/** Until the node is ready for the first time: as upstream's fast status update, so that nobody waits for the next look. */
const lookEarlyMs = 100;
const reportMs = 5 * 60_000;
const leaseNamespace = 'kube-node-lease';

export class NodeRegistration {
  readonly #options: NodeRegistrationOptions;
  #reportedAtMs = 0;
  #hasBeenReady = false;
  #current: Node | undefined;
  #reporting: Promise<void> | undefined;

  constructor(options: NodeRegistrationOptions) {
    this.#options = options;
  }

  get node(): Node | undefined {
    return this.#current;
  }

  /** Resolves when the Node exists with its first status. */
  async start(): Promise<void> {
    const { scope, clock, logger } = this.#options;
    for (let failures = 0; ; failures++) {
      try {
        await this.#register();
        await this.report();
        break;
      } catch (error) {
        if (scope.closed) throw error;
        logger.warn('registering the node failed', { error: messageOf(error) });
        await sleep(clock, Math.min(7_000, 200 * 2 ** Math.min(failures, 6)), scope.signal);
      }
    }
    scope.spawn('node lease', (signal) =>
      this.#repeat(
        'node lease',
        () => leaseRenewMs,
        signal,
        () => this.#renewLease(),
      ),
    );
    scope.spawn('node status', (signal) =>
      this.#repeat(
        'node status',
        () => (this.#hasBeenReady ? this.#options.lookMs : lookEarlyMs),
        signal,
        async () => {
          await this.report();
          this.#hasBeenReady ||=
            this.#current?.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
        },
      ),
    );
  }

  async #repeat(name: string, everyMs: () => number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (!signal.aborted) this.#options.logger.warn(`${name} failed`, { error: messageOf(error) });
      }
      await sleep(this.#options.clock, everyMs(), signal).catch(() => undefined);
    }
  }

  async #register(): Promise<void> {
    const { client, nodeName, facts, labels } = this.#options;
    const wanted = { ...nodeLabels(nodeName, facts), ...labels };
    const nodes = client.resource(Nodes);
    const existing = await nodes.find({ name: nodeName });
    if (existing === undefined) {
      try {
        this.#current = await nodes.create({
          apiVersion: 'v1',
          kind: 'Node',
          metadata: {
            name: nodeName,
            labels: wanted,
            annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
          },
          spec: {},
          status: await this.#options.currentStatus(undefined),
        });
        return;
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        return this.#register();
      }
    }
    const has = existing.metadata.labels ?? {};
    this.#current = Object.entries(wanted).every(([key, value]) => has[key] === value)
      ? existing
      : await nodes.update({ ...existing, metadata: { ...existing.metadata, labels: { ...has, ...wanted } } });
  }

  /** Writes the status when it changed or is due. One at a time; a call during one waits for it. */
  report(): Promise<void> {
    this.#reporting ??= this.#reportOnce().finally(() => (this.#reporting = undefined));
    return this.#reporting;
  }

  async #reportOnce(): Promise<void> {
    const { client, clock, nodeName, currentStatus } = this.#options;
    const nodes = client.resource(Nodes);
    for (let tries = 0; tries < 5; tries++) {
      const node = await nodes.find({ name: nodeName });
      if (node === undefined) {
        await this.#register();
        continue;
      }
      const status = await currentStatus(node.status);
      const due = clock.monotonicMs() - this.#reportedAtMs >= reportMs || this.#reportedAtMs === 0;
      this.#current = node;
      if (!due && sameButHeartbeat(node.status, status)) return;
      try {
        this.#current = await nodes.update({ ...node, status }, { subresource: 'status', fieldManager: 'kubelet' });
        this.#reportedAtMs = Math.max(1, clock.monotonicMs());
        return;
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
    }
  }

  async #renewLease(): Promise<void> {
    const { client, clock, nodeName } = this.#options;
    const leases = client.resource(Leases);
    const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
    const key = { namespace: leaseNamespace, name: nodeName };
    const existing = await leases.find(key);
    if (existing !== undefined) {
      try {
        await leases.update({
          ...existing,
          spec: { ...existing.spec, holderIdentity: nodeName, leaseDurationSeconds, renewTime },
        });
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
      return;
    }
    const owner = this.#current;
    await leases.create({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: nodeName,
        namespace: leaseNamespace,
        ...(owner?.metadata.uid === undefined
          ? {}
          : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: owner.metadata.uid }] }),
      },
      spec: { holderIdentity: nodeName, leaseDurationSeconds, renewTime },
    });
  }
}
