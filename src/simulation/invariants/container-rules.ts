// What holds for containers, as the runtimes know it: each runs once, where its Pod is, and not beyond its Pod.
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { storageKey } from '#api/kinds.ts';
import { containerNameLabel, podNameLabel, podNamespaceLabel, podUidLabel } from '#node/pod/runtime-status.ts';
import type { StoreEvent } from '#storage/store.ts';
import type { Cluster } from '../world/cluster.ts';
import type { RuntimeWatcher, SimulatedContainer } from '../world/container-runtime.ts';
import { nameOf } from '../world/stored.ts';

interface Running {
  readonly node: string;
  readonly container: SimulatedContainer;
}
const label = ({ config }: SimulatedContainer, name: string): string => config.labels[name] ?? '';
const podOf = (container: SimulatedContainer): string =>
  `${label(container, podNamespaceLabel)}/${label(container, podNameLabel)}`;

export class ContainerRules implements RuntimeWatcher {
  cluster: Cluster | undefined;
  readonly #running = new Map<string, Running>();
  /** Pods that were taken out of the API without asking their node: there may be two for a while. */
  readonly #forced = new Set<string>();

  #violate(rule: string, message: string): void {
    this.cluster?.journal.violate(rule, message);
  }
  onStarted(node: string, container: SimulatedContainer): void {
    const [uid, name] = [label(container, podUidLabel), label(container, containerNameLabel)];
    this.cluster?.journal.write(node, `started ${name} of ${podOf(container)} as ${container.id}`);
    for (const other of this.#running.values()) {
      if (podOf(other.container) !== podOf(container)) continue;
      const otherUid = label(other.container, podUidLabel);
      if (otherUid === uid && label(other.container, containerNameLabel) === name)
        this.#violate(
          'a container runs once',
          `${podOf(container)} ${name}: ${other.container.id} and ${container.id}`,
        );
      if (otherUid !== uid && !this.#forced.has(otherUid) && !this.#forced.has(uid))
        this.#violate('a name runs once', `${podOf(container)}: ${other.container.id} and ${container.id}`);
      if (otherUid === uid && other.node !== node)
        this.#violate('a Pod runs on one node', `${podOf(container)}: ${other.node} and ${node}`);
    }
    const key = storageKey(Pods, label(container, podNamespaceLabel), label(container, podNameLabel));
    const pod = this.cluster?.store.get(key)?.object() as Pod | undefined;
    if (pod?.metadata.uid === uid && pod.spec.nodeName !== node)
      this.#violate('a Pod runs on its own node', `${nameOf(pod)} of ${pod.spec.nodeName} on ${node}`);
    this.#running.set(container.id, { node, container });
  }
  onEnded(node: string, container: SimulatedContainer): void {
    this.cluster?.journal.write(node, `ended ${podOf(container)} ${container.id} with ${container.exitCode}`);
    this.#running.delete(container.id);
  }
  onEvent({ type, stored, previous }: StoreEvent): void {
    const pod = stored.object() as Pod;
    if (type !== 'delete' || pod.kind !== 'Pod') return;
    const { uid = '' } = pod.metadata;
    const before = (previous?.object() ?? pod) as Pod;
    const grace = before.metadata.deletionGracePeriodSeconds ?? before.spec.terminationGracePeriodSeconds ?? 30;
    // Without grace, or without its Node, nobody waits for the node: what it is about to start is of a Pod that is gone.
    const nodeKey = storageKey(Nodes, undefined, pod.spec.nodeName ?? '');
    const isForced = grace === 0 || this.cluster?.store.get(nodeKey) === undefined;
    if (isForced) this.#forced.add(uid);
    const left = [...this.#running.values()].filter((one) => label(one.container, podUidLabel) === uid);
    if (left.length === 0) return;
    if (!isForced)
      this.#violate('a Pod is gone when its containers are', `${nameOf(pod)} left ${left[0]?.container.id}`);
  }
}
