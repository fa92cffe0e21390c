// Keeps the kernel's policy table at what NetworkPolicies, Namespaces and Pods say. While there is no policy there is no table, and
// nobody asks for other nodes' Pods. The table of an earlier run serves until all is known, is then replaced at once, and stays when
// this process ends.
import { Namespaces, NetworkPolicies as NetworkPolicyKind, Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { Client } from '#client/client.ts';
import type { HostChanges } from '#host/changes.ts';
import { createNft, type Nft } from '#host/linux/nft.ts';
import { policyPod } from './pods.ts';
import { familiesOf, policyTable } from './ruleset.ts';
import { PolicyTable } from './table.ts';

export interface NetworkPoliciesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly changes: HostChanges;
  readonly nodeName: string;
  readonly podRanges: readonly string[];
  readonly dependsOn?: readonly string[] | undefined;
  /** How often the table is looked for while there are policies. Default 60 s. */
  readonly lookMs?: number | undefined;
  /** How long a Pod's containers wait until the kernel knows what holds for them. Default 10 s. */
  readonly waitMs?: number | undefined;
  readonly nft?: Nft | undefined;
}

export interface NetworkPolicies extends Service {
  /**
   * Resolves when what policies say of a Pod with these addresses holds, before its containers start. Rejects, with the reason, when it
   * cannot be made to hold in time: without it the Pod would be open. While the policies themselves are not known, those of the table
   * that is there hold, and nobody waits for longer.
   */
  enforce(pod: Pod, addresses: readonly string[]): Promise<void>;
}

/** Longer ones go to a process of their own: the interactive one reads lines. */
const lineMax = 32_768;
const earlyMs = 300_000;

export function createNetworkPolicies(options: NetworkPoliciesOptions): NetworkPolicies {
  const logger = options.logger.named('network-policy');
  const { client, clock, nodeName } = options;
  const waitMs = options.waitMs ?? 10_000;
  const policies = client.informer(NetworkPolicyKind);
  const table = new PolicyTable(familiesOf(options.podRanges));
  /** Pods of this node whose addresses the API does not have yet, by uid. */
  const early = new Map<
    string,
    { readonly pod: Pod; readonly addresses: readonly string[]; readonly sinceMs: number }
  >();
  /** Of them, those in the table. */
  const earlyKeys = new Set<string>();
  const earlyKey = (uid: string) => `early ${uid}`;
  const dirtyPods = new Set<string>();
  const dirtyNamespaces = new Set<string>();
  let policiesChanged = true;
  /** As far as is known. */
  let tableIsThere: boolean | undefined;
  let whole = true;
  let problem: string | undefined;
  let follows: Promise<void> | undefined;
  let waiting: { resolve(): void; reject(error: Error): void }[] = [];
  let queue: WorkQueue | undefined;
  let scope: Scope | undefined;

  const keyOf = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.name}`;

  /** From the first policy on. */
  const follow = async (within: Scope): Promise<void> => {
    const [namespaces, pods] = [client.informer(Namespaces), client.informer(Pods)];
    await Promise.all([namespaces.whenSynced(within.signal), pods.whenSynced(within.signal)]);
    const listening = [
      namespaces.onChange(({ previous, current }) => {
        const before = previous?.metadata.labels;
        if (previous !== undefined && current !== undefined && before === current.metadata.labels) return;
        dirtyNamespaces.add((current ?? previous)!.metadata.name ?? '');
        queue?.add('table');
      }),
      pods.onChange(({ previous, current }) => {
        if (current === undefined) early.delete(previous!.metadata.uid ?? '');
        dirtyPods.add(keyOf((current ?? previous)!));
        queue?.add('table');
      }),
    ];
    within.onClose(() => listening.forEach((one) => one[Symbol.dispose]()));
  };

  const takeDirty = (): void => {
    const [namespaces, pods] = [client.informer(Namespaces), client.informer(Pods)];
    for (const name of dirtyNamespaces) {
      const namespace = namespaces.get(undefined, name);
      table.setNamespace(name, namespace && (namespace.metadata.labels ?? {}));
    }
    dirtyNamespaces.clear();
    for (const key of dirtyPods) {
      const [namespace, name = ''] = key.split('/');
      const pod = pods.get(namespace, name);
      table.setPod(key, pod && policyPod(pod, nodeName, undefined));
    }
    for (const [uid, { pod, addresses, sinceMs }] of early) {
      const current = pods.get(pod.metadata.namespace, pod.metadata.name ?? '');
      const isTold = current?.metadata.uid === uid && (current.status?.podIPs ?? []).length > 0;
      const isOld = clock.monotonicMs() - sinceMs > earlyMs && current?.metadata.uid !== uid;
      if (isTold || isOld) early.delete(uid);
      else table.setPod(earlyKey(uid), policyPod({ ...pod, status: {} }, nodeName, addresses));
      earlyKeys.add(uid);
    }
    for (const uid of earlyKeys)
      if (!early.has(uid)) {
        table.setPod(earlyKey(uid), undefined);
        earlyKeys.delete(uid);
      }
    dirtyPods.clear();
  };

  const synchronise = async (within: Scope): Promise<void> => {
    const heard = waiting;
    waiting = [];
    try {
      if (policies.list().length === 0) {
        if (tableIsThere !== false) await runNft().load(`add table ${policyTable}\ndelete table ${policyTable}\n`);
        [tableIsThere, whole] = [false, true];
      } else {
        await (follows ??= follow(within).catch((error: unknown) => {
          follows = undefined;
          throw error;
        }));
        if (policiesChanged) {
          policiesChanged = false;
          table.setPolicies(policies.list());
        }
        takeDirty();
        await apply();
      }
      problem = undefined;
      for (const one of heard) one.resolve();
    } catch (error) {
      whole = true;
      policiesChanged = true;
      // They wait for the next try, as long as they may.
      waiting = [...heard, ...waiting];
      throw error;
    }
  };

  let nft: Nft | undefined;
  const runNft = (): Nft => (nft ??= options.nft ?? createNft({ clock }));

  const apply = async (): Promise<void> => {
    if (whole) {
      if (tableIsThere !== true) options.changes.record({ type: 'nft-table', table: policyTable });
      await runNft().load(table.full());
      [whole, tableIsThere] = [false, true];
      lookLater();
      return;
    }
    for (const line of table.change())
      if (line.length > lineMax) await runNft().load(`${line}\n`);
      else await runNft().change(line);
  };

  let looking = false;
  /** Other firewall software removes everything when it starts again. */
  const lookLater = (): void => {
    if (looking || scope === undefined || scope.closed) return;
    looking = true;
    const timer = clock.schedule(options.lookMs ?? 60_000, () =>
      scope?.spawn('look-for-policies', async () => {
        looking = false;
        if (tableIsThere !== true) return;
        try {
          await runNft().change(`list chain ${policyTable} egress`);
        } catch (error) {
          logger.warn('the table is gone, loading it anew', { error: messageOf(error) });
          whole = true;
          queue?.add('table');
        }
        lookLater();
      }),
    );
    lookTimer = timer;
  };
  let lookTimer: { cancel(): void } | undefined;

  return {
    name: 'network-policy',
    dependsOn: options.dependsOn ?? [],
    problems: () => (problem === undefined ? [] : [problem]),
    async start(within: Scope) {
      scope = within;
      within.onClose(() => lookTimer?.cancel());
      within.onClose(() => nft?.close());
      const own = new WorkQueue({
        clock,
        concurrency: 1,
        backoff: { baseMs: 50, maxMs: 30_000 },
        work: () => synchronise(within),
        onError(_key, error, retryInMs) {
          if (within.closed) return;
          problem = `NetworkPolicies do not hold as they are: ${messageOf(error)}`;
          logger.error('cannot change the table, loading it anew', { error: messageOf(error), retryInMs });
        },
      });
      within.onClose(() => own.close());
      within.spawn('network-policies', async () => {
        await policies.whenSynced(within.signal);
        queue = own;
        const listening = policies.onChange(() => {
          policiesChanged = true;
          own.add('table');
        });
        within.onClose(() => listening[Symbol.dispose]());
        own.add('table');
      });
    },
    async enforce(pod, addresses) {
      if (pod.spec.hostNetwork === true || addresses.length === 0) return;
      if (queue === undefined) await Promise.race([policies.whenSynced(), pause(clock, waitMs)]);
      if (queue === undefined || policies.list().length === 0) return;
      early.set(pod.metadata.uid ?? '', { pod, addresses, sinceMs: clock.monotonicMs() });
      const done = Promise.withResolvers<void>();
      waiting.push(done);
      queue.add('table');
      const timer = clock.schedule(waitMs, () =>
        done.reject(
          new OperatorError(
            `NetworkPolicies cannot be made to hold for the Pod: ${problem ?? 'the table is not ready yet'}`,
            'its containers start as soon as they can; see the log',
          ),
        ),
      );
      try {
        await done.promise;
      } finally {
        timer.cancel();
        waiting = waiting.filter((one) => one !== done);
      }
    },
  };
}

const pause = (clock: Clock, forMs: number): Promise<void> =>
  new Promise((resolve) => void clock.schedule(forMs, resolve));
