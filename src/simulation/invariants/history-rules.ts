// What holds at every revision of the store, whatever goes wrong: order, identity, and what no object may ever do.
import { Pods } from '#api/generated/kind-references.ts';
import type { PersistentVolumeClaim, Pod } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { storagePrefix } from '#api/kinds.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import type { StoreEvent } from '#storage/store.ts';
import type { Cluster } from '../world/cluster.ts';
import { nameOf } from '../world/stored.ts';
import { withoutKeys } from '../world/keys.ts';

const podPrefix = storagePrefix(Pods);

/** What a reader of the journal wants to know of a change. */
function summary(object: KubernetesObject): string {
  const words: string[] = [];
  if (object.metadata.deletionTimestamp !== undefined) words.push('deleting');
  const { spec, status } = object as {
    spec?: { replicas?: number; nodeName?: string };
    status?: { phase?: string; replicas?: number; readyReplicas?: number };
  };
  if (spec?.nodeName !== undefined) words.push(`on ${spec.nodeName}`);
  if (status?.phase !== undefined) words.push(status.phase);
  if (spec?.replicas !== undefined)
    words.push(`wants ${spec.replicas} has ${status?.replicas ?? 0} ready ${status?.readyReplicas ?? 0}`);
  return words.join(' ');
}

export class HistoryRules {
  readonly #cluster: Cluster;
  readonly #known = new Map<string, number>();
  readonly #uids = new Set<string>();
  #revision = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }
  onEvent(event: StoreEvent): void {
    const { journal } = this.#cluster;
    const { key } = event.stored;
    const mark = event.type === 'delete' ? '-' : event.previous === undefined ? '+' : '~';
    const object = event.stored.object();
    journal.write('store', `${event.revision} ${mark} ${key} ${summary(object)}`);
    journal.mix(withoutKeys(event.stored.bytes));
    this.#checkOrder(event);
    this.#checkIdentity(event, object);
    if (key.startsWith(podPrefix)) this.#checkPod(event, object as Pod);
    if (object.kind === 'PersistentVolumeClaim') this.#checkClaim(event, object as PersistentVolumeClaim);
  }
  #violate(rule: string, message: string): void {
    this.#cluster.journal.violate(rule, message);
  }
  #checkOrder({ revision, stored, previous, type }: StoreEvent): void {
    if (revision !== this.#revision + 1)
      this.#violate('revisions grow by one', `${revision} came after ${this.#revision}`);
    this.#revision = revision;
    if (this.#known.get(stored.key) !== previous?.revision)
      this.#violate(
        'events have no gaps',
        `${stored.key}: ${revision} follows ${previous?.revision}, the last was ${this.#known.get(stored.key)}`,
      );
    if (type === 'delete') this.#known.delete(stored.key);
    else this.#known.set(stored.key, revision);
  }
  #checkIdentity({ stored, previous, type }: StoreEvent, object: KubernetesObject): void {
    const { uid = '', generation = 0, deletionTimestamp, creationTimestamp } = object.metadata;
    if (previous === undefined) {
      if (uid !== '' && this.#uids.has(uid)) this.#violate('uids are unique', `${stored.key} has ${uid}`);
      this.#uids.add(uid);
      return;
    }
    if (type === 'delete') return;
    const before = previous.object().metadata;
    if (before.uid !== uid || before.creationTimestamp !== creationTimestamp)
      this.#violate('an object stays itself', `${stored.key} was ${before.uid} and is ${uid}`);
    if ((before.generation ?? 0) > generation)
      this.#violate('generations grow', `${stored.key}: ${before.generation} to ${generation}`);
    if (before.deletionTimestamp !== undefined && deletionTimestamp === undefined)
      this.#violate('what is deleted is not brought back', stored.key);
  }
  #checkPod({ previous, type }: StoreEvent, pod: Pod): void {
    if (type === 'delete' || previous === undefined) return;
    const before = previous.object() as Pod;
    const place = before.spec.nodeName ?? '';
    if (place !== '' && place !== pod.spec.nodeName)
      this.#violate('a Pod stays on its node', `${nameOf(pod)}: ${place} to ${pod.spec.nodeName}`);
    if (podIsTerminal(before) && before.status?.phase !== pod.status?.phase)
      this.#violate('an ended Pod stays ended', `${nameOf(pod)}: ${before.status?.phase} to ${pod.status?.phase}`);
    for (const { name, restartCount } of before.status?.containerStatuses ?? []) {
      const now = pod.status?.containerStatuses?.find((one) => one.name === name)?.restartCount ?? 0;
      if (now < restartCount)
        this.#violate('restarts are not forgotten', `${nameOf(pod)} ${name}: ${restartCount} to ${now}`);
    }
  }
  #checkClaim({ previous, type }: StoreEvent, claim: PersistentVolumeClaim): void {
    if (type === 'delete' || previous === undefined) return;
    const before = (previous.object() as PersistentVolumeClaim).spec.volumeName ?? '';
    if (before !== '' && before !== claim.spec.volumeName)
      this.#violate('a claim keeps its volume', `${nameOf(claim)}: ${before} to ${claim.spec.volumeName}`);
  }
}
