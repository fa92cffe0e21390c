// A StatefulSet's Pods, claims, status and history. Ordered: one Pod after the other, each waits for the one before it;
// parallel: all at once. Updates go from the highest ordinal down, in both.
import { PersistentVolumeClaims, Pods, StatefulSets } from '#api/generated/kind-references.ts';
import type {
  ControllerRevision,
  PersistentVolumeClaim,
  Pod,
  PodTemplateSpec,
  StatefulSet,
  StatefulSetStatus,
} from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { availableInMs, podIsAvailable, podIsReady } from '#rules/pod-is-ready.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { claim } from '../ownership/ownership.ts';
import { historyOf, revisionHash, revisionLabel, surplus, templateOf, type History } from '../revisions/revisions.ts';
import {
  create,
  remove,
  update,
  updateStatus,
  type Action,
  type Decision,
  type EventRequest,
} from '../runtime/action.ts';
import { claimsOf, conforming, isInRange, memberPod, ordinalOf, replicasOf, startOf } from './member.ts';
import { blocksPod, wantedOwners } from './retention.ts';

export interface StatefulSetSnapshot {
  readonly set: StatefulSet;
  /** Pods of the namespace that it controls, and those without a controller. */
  readonly pods: readonly Pod[];
  /** Of the namespace: those that it controls, and those without a controller. */
  readonly revisions: readonly ControllerRevision[];
  revisionNamed(name: string): ControllerRevision | undefined;
  claim(name: string): PersistentVolumeClaim | undefined;
}

const historyLimitDefault = 10;
const hashLabel = 'controller.kubernetes.io/hash';

export function decide(snapshot: StatefulSetSnapshot, now: number): Decision {
  const { set } = snapshot;
  const { spec, status: old } = set;
  const matches = (labels: Readonly<Record<string, string>> | undefined) => matcherFor(spec.selector).matches(labels);
  const claims = claim({
    ownerKind: StatefulSets,
    owner: set,
    kind: Pods,
    candidates: snapshot.pods,
    matches: (pod) => ordinalOf(set, pod) !== undefined && matches(pod.metadata.labels),
  });
  const history = historyOf({
    ownerKind: StatefulSets,
    owner: set,
    template: spec.template,
    hash: () => revisionHash(spec.template, old?.collisionCount ?? 0),
    hashLabel,
    candidates: snapshot.revisions,
    matches,
    named: (name) => snapshot.revisionNamed(name),
  });
  if (history.collides) {
    const status = { ...old!, collisionCount: (old?.collisionCount ?? 0) + 1 };
    return { actions: [...history.actions, updateStatus(StatefulSets, { ...set, status })] };
  }
  const current =
    [...history.old, history.current].find((one) => one.metadata.name === old?.currentRevision) ?? history.current;
  const plan = new Plan(snapshot, claims.claimed, current, history.current, now);
  if (set.metadata.deletionTimestamp === undefined) plan.make();
  const status = plan.status();
  const live = new Set([
    current.metadata.name,
    history.current.metadata.name,
    ...claims.claimed.map((pod) => pod.metadata.labels?.[revisionLabel]),
  ]);
  return {
    actions: [
      ...claims.actions,
      ...history.actions,
      ...(semanticallyEqual(status, old) ? [] : [updateStatus(StatefulSets, { ...set, status })]),
      ...plan.actions,
      ...(set.metadata.deletionTimestamp === undefined
        ? surplus(allOld(history), spec.revisionHistoryLimit ?? historyLimitDefault, (one) =>
            live.has(one.metadata.name),
          )
        : []),
    ],
    events: plan.events,
    wakeAfterMs: plan.wakeAfterMs(),
  };
}

const allOld = ({ old, twins }: History): readonly ControllerRevision[] =>
  [...old, ...twins].toSorted((one, other) => one.revision - other.revision);

/** A Pod that is there, or is to be. */
interface Slot {
  readonly ordinal: number;
  readonly pod: Pod;
  readonly exists: boolean;
}
/** Nothing more can be done in this decision. */
type Step = 'go on' | 'stop';

class Plan {
  readonly actions: Action[] = [];
  readonly events: EventRequest[] = [];
  readonly #snapshot: StatefulSetSnapshot;
  readonly #set: StatefulSet;
  readonly #pods: readonly Pod[];
  readonly #current: ControllerRevision;
  readonly #update: ControllerRevision;
  readonly #now: number;
  readonly #isOrdered: boolean;

  constructor(
    snapshot: StatefulSetSnapshot,
    pods: readonly Pod[],
    current: ControllerRevision,
    updated: ControllerRevision,
    now: number,
  ) {
    this.#snapshot = snapshot;
    this.#set = snapshot.set;
    this.#pods = pods;
    this.#current = current;
    this.#update = updated;
    this.#now = now;
    this.#isOrdered = snapshot.set.spec.podManagementPolicy !== 'Parallel';
  }

  make(): void {
    const replicas = this.#replicas();
    const condemned = this.#pods
      .map((pod): Slot => ({ ordinal: ordinalOf(this.#set, pod)!, pod, exists: true }))
      .filter((one) => !isInRange(this.#set, one.ordinal))
      .toSorted((one, other) => other.ordinal - one.ordinal);
    if (this.#forAll(replicas, (one) => this.#keep(one)) === 'stop') return;
    for (const one of condemned) this.#ownClaims(one);
    const unhealthy = [...replicas, ...condemned.toReversed()].find((one) => this.#isUnavailable(one));
    if (this.#forAll(condemned, (one) => this.#condemn(one, unhealthy)) === 'stop') return;
    if (this.#set.spec.updateStrategy?.type !== 'OnDelete') this.#roll(replicas);
  }

  #forAll(slots: readonly Slot[], step: (slot: Slot) => Step): Step {
    for (const slot of slots) if (step(slot) === 'stop' && this.#isOrdered) return 'stop';
    return 'go on';
  }

  #replicas(): readonly Slot[] {
    const byOrdinal = new Map(this.#pods.map((pod) => [ordinalOf(this.#set, pod), pod]));
    return Array.from({ length: replicasOf(this.#set) }, (_, index): Slot => {
      const ordinal = startOf(this.#set) + index;
      const pod = byOrdinal.get(ordinal);
      return { ordinal, pod: pod ?? this.#newPod(ordinal), exists: pod !== undefined };
    });
  }
  #newPod(ordinal: number): Pod {
    const { updateStrategy } = this.#set.spec;
    const rolling = updateStrategy?.rollingUpdate;
    const kept =
      rolling === undefined
        ? updateStrategy?.type === 'OnDelete'
          ? 0
          : (this.#set.status?.currentReplicas ?? 0)
        : (rolling.partition ?? 0);
    const isKept = ordinal < startOf(this.#set) + kept;
    const revision = isKept ? this.#current : this.#update;
    const template: PodTemplateSpec = isKept ? templateOf(revision) : this.#set.spec.template;
    return memberPod(this.#set, ordinal, template, revision.metadata.name!);
  }

  #keep(slot: Slot): Step {
    const { pod, exists, ordinal } = slot;
    const isEnding = pod.metadata.deletionTimestamp !== undefined;
    if (exists && podIsTerminal(pod)) {
      if (!isEnding) this.#remove(pod);
      return 'stop';
    }
    if (!exists) {
      if (this.#claims(ordinal).some((one) => blocksPod(one, this.#set, pod))) return 'stop';
      if (this.#makeClaims(pod, ordinal, 'Create')) this.#create(pod);
      return 'stop';
    }
    if (pod.status?.phase === 'Pending') {
      if (!this.#makeClaims(pod, ordinal, 'Update')) return 'stop';
      this.#ownClaims(slot);
    }
    const isSettled = !isEnding && pod.status?.phase === 'Running' && this.#isAvailable(pod);
    if (!isSettled && this.#isOrdered) return 'stop';
    this.#ownClaims(slot);
    const wanted = conforming(this.#set, pod, ordinal);
    if (wanted !== pod && !isEnding) this.#updatePod(wanted);
    return 'go on';
  }

  #condemn({ pod }: Slot, unhealthy: Slot | undefined): Step {
    if (pod.metadata.deletionTimestamp !== undefined) return 'stop';
    const isHealthy = pod.status?.phase === 'Running' && this.#isAvailable(pod);
    if (!isHealthy && this.#isOrdered && unhealthy?.pod !== pod) return 'stop';
    this.#remove(pod);
    return 'stop';
  }

  #roll(replicas: readonly Slot[]): void {
    const partition = this.#set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
    for (const { pod, ...slot } of replicas.slice(partition).toReversed()) {
      const isEnding = pod.metadata.deletionTimestamp !== undefined;
      if (slot.exists && pod.metadata.labels?.[revisionLabel] !== this.#update.metadata.name && !isEnding) {
        this.#remove(pod);
        return;
      }
      if (this.#isUnavailable({ pod, ...slot })) return;
    }
  }

  #isAvailable(pod: Pod): boolean {
    return podIsAvailable(pod, this.#set.spec.minReadySeconds ?? 0, this.#now);
  }
  #isUnavailable({ pod }: Slot): boolean {
    return pod.metadata.deletionTimestamp !== undefined || !this.#isAvailable(pod);
  }

  #claims(ordinal: number): readonly PersistentVolumeClaim[] {
    return claimsOf(this.#set, ordinal).flatMap((one) => this.#snapshot.claim(one.metadata.name!) ?? []);
  }
  /** False: one of them is in the way. */
  #makeClaims(pod: Pod, ordinal: number, verb: 'Create' | 'Update'): boolean {
    for (const wanted of claimsOf(this.#set, ordinal)) {
      const name = wanted.metadata.name!;
      const found = this.#snapshot.claim(name);
      if (found?.metadata.deletionTimestamp !== undefined) {
        this.events.push(this.#podEvent(verb, pod, `pvc ${name} is being deleted`));
        return false;
      }
      if (found !== undefined) continue;
      const [podName, setName] = [pod.metadata.name!, this.#set.metadata.name!];
      this.actions.push(
        create(PersistentVolumeClaims, wanted, {
          accept: ['AlreadyExists'],
          onSuccess: () =>
            this.#about(
              'Normal',
              'SuccessfulCreate',
              `Create Claim ${name} Pod ${podName} in StatefulSet ${setName} success`,
            ),
          onFailure: (message) =>
            this.#about(
              'Warning',
              'FailedCreate',
              `Create Claim ${name} for Pod ${podName} in StatefulSet ${setName} failed error: ${message}`,
            ),
        }),
      );
    }
    return true;
  }
  readonly #owned = new Set<string>();
  #ownClaims({ ordinal, pod }: Slot): void {
    for (const one of this.#claims(ordinal)) {
      const name = one.metadata.name!;
      const wanted = this.#owned.has(name) ? undefined : wantedOwners(one, this.#set, pod, ordinal);
      if (wanted === undefined) continue;
      this.#owned.add(name);
      if (wanted.conflicts)
        this.events.push(
          this.#about(
            'Warning',
            'ConflictingController',
            `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`,
          ),
        );
      const { ownerReferences } = wanted;
      this.actions.push(update(PersistentVolumeClaims, { ...one, metadata: { ...one.metadata, ownerReferences } }));
    }
  }

  status(): StatefulSetStatus {
    const set = this.#set;
    const updateRevision = this.#update.metadata.name!;
    let currentRevision = this.#current.metadata.name!;
    const ready = this.#pods.filter((pod) => pod.status?.phase === 'Running' && podIsReady(pod));
    const living = this.#pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const ofRevision = (name: string) => living.filter((pod) => pod.metadata.labels?.[revisionLabel] === name).length;
    const updated = ofRevision(updateRevision);
    let current = ofRevision(currentRevision);
    const wanted = replicasOf(set);
    if (
      set.spec.updateStrategy?.type !== 'OnDelete' &&
      updated === wanted &&
      ready.length === wanted &&
      this.#pods.length === wanted
    ) {
      current = updated;
      currentRevision = updateRevision;
    }
    const { conditions } = set.status ?? {};
    return {
      observedGeneration: set.metadata.generation ?? 0,
      replicas: this.#pods.length,
      ...(ready.length === 0 ? {} : { readyReplicas: ready.length }),
      ...(current === 0 ? {} : { currentReplicas: current }),
      ...(updated === 0 ? {} : { updatedReplicas: updated }),
      currentRevision,
      updateRevision,
      collisionCount: set.status?.collisionCount ?? 0,
      ...(conditions === undefined ? {} : { conditions }),
      availableReplicas: ready.filter((pod) => this.#isAvailable(pod)).length,
    };
  }

  wakeAfterMs(): number | undefined {
    const waits = this.#pods
      .map((pod) => availableInMs(pod, this.#set.spec.minReadySeconds ?? 0, this.#now))
      .filter((one): one is number => one !== undefined && one > 0);
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  #about(type: EventRequest['type'], reason: string, message: string): EventRequest {
    return { about: { ...this.#set, kind: 'StatefulSet', apiVersion: 'apps/v1' }, type, reason, message };
  }
  #podEvent(verb: 'Create' | 'Update' | 'Delete', pod: Pod, failure?: string): EventRequest {
    const subject = `${verb} Pod ${pod.metadata.name!} in StatefulSet ${this.#set.metadata.name!}`;
    return failure === undefined
      ? this.#about('Normal', `Successful${verb}`, `${subject} successful`)
      : this.#about('Warning', `Failed${verb}`, `${subject} failed error: ${failure}`);
  }
  #create(pod: Pod): void {
    this.actions.push(
      create(Pods, pod, {
        onSuccess: () => this.#podEvent('Create', pod),
        onFailure: (message) => this.#podEvent('Create', pod, message),
      }),
    );
  }
  #updatePod(pod: Pod): void {
    this.actions.push(
      update(Pods, pod, {
        onSuccess: () => this.#podEvent('Update', pod),
        onFailure: (message) => this.#podEvent('Update', pod, message),
      }),
    );
  }
  #remove(pod: Pod): void {
    this.actions.push(
      remove(
        Pods,
        pod,
        {},
        {
          onSuccess: () => this.#podEvent('Delete', pod),
          onFailure: (message) => this.#podEvent('Delete', pod, message),
        },
      ),
    );
  }
}
