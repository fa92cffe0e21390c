// Keeps the status of PodDisruptionBudgets.
import {
  Deployments,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  StatefulSets,
} from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { kindTable } from '#api/kinds.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { controllerOf } from '#api/meta/owner.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import {
  keyText,
  keyedController,
  partChanges,
  read,
  self,
  splitKey,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { countsOwners, decide, type Scale } from './decide.ts';
import { Scales, type AskedOwner } from './scales.ts';

interface AskScale {
  /** Its key. */
  readonly budget: string;
  readonly owner: AskedOwner;
}
const argumentOf = (budget: string, { apiVersion, kind, name, uid }: AskedOwner): string =>
  JSON.stringify({ budget, owner: { apiVersion, kind, name, uid } } satisfies AskScale);

const missing = (pod: Pod): Scale => `found no controllers for pod ${JSON.stringify(pod.metadata.name)}`;

/** Upstream's finders: a ReplicaSet counts as its Deployment. Undefined: its owner's kind has to be asked for its scale. */
function scaleOf(pod: Pod, lookup: Lookup): Scale | undefined {
  const { kind, name, uid, apiVersion } = controllerOf(pod)!;
  const { namespace } = pod.metadata;
  const of = (
    object:
      | { metadata: { uid?: string | undefined }; spec?: { replicas?: number | undefined } | undefined }
      | undefined,
    wantedUid: string,
  ): Scale =>
    object?.metadata.uid === wantedUid ? { uid: wantedUid, replicas: object.spec?.replicas ?? 1 } : missing(pod);
  switch (`${kind}.${apiVersion.split('/')[0]}`) {
    case 'ReplicaSet.apps': {
      const replicaSet = lookup.get(ReplicaSets, namespace, name);
      const deployment = replicaSet === undefined ? undefined : controllerOf(replicaSet);
      if (deployment?.kind === 'Deployment')
        return of(lookup.get(Deployments, namespace, deployment.name), deployment.uid);
      return of(replicaSet, uid);
    }
    case 'ReplicationController.v1':
      return of(lookup.get(ReplicationControllers, namespace, name), uid);
    case 'StatefulSet.apps':
      return of(lookup.get(StatefulSets, namespace, name), uid);
    default: {
      const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
      const row = kindTable.rows.find((one) => one.group === group && one.version === version && one.kind === kind);
      if (row === undefined || row.kind === 'Deployment') return undefined;
      return `${row.group === '' ? row.resource : `${row.resource}.${row.group}`} does not implement the scale subresource`;
    }
  }
}

const budgetsOf = (pod: Pod, lookup: Lookup): readonly string[] =>
  lookup
    .list(PodDisruptionBudgets, pod.metadata.namespace)
    .filter((one) => matcherFor(one.spec?.selector).matches(pod.metadata.labels))
    .map(keyText);

const budgetsOfNamespace = ({ metadata }: { metadata: { namespace?: string | undefined } }, lookup: Lookup) =>
  lookup.list(PodDisruptionBudgets, metadata.namespace).map(keyText);

export function disruption(): Controller {
  const scales = new Scales();
  return keyedController({
    name: 'disruption',
    account: 'disruption-controller',
    component: 'controllermanager',
    reads: [
      read(PodDisruptionBudgets, self),
      read(
        Pods,
        budgetsOf,
        partChanges((pod) => [
          pod.metadata.labels,
          pod.metadata.deletionTimestamp,
          pod.metadata.ownerReferences,
          podIsReady(pod),
        ]),
      ),
      read(
        Deployments,
        budgetsOfNamespace,
        partChanges((one) => one.spec.replicas),
      ),
      read(
        ReplicaSets,
        budgetsOfNamespace,
        partChanges((one) => one.spec.replicas),
      ),
      read(
        ReplicationControllers,
        budgetsOfNamespace,
        partChanges((one) => one.spec?.replicas),
      ),
      read(
        StatefulSets,
        budgetsOfNamespace,
        partChanges((one) => one.spec.replicas),
      ),
    ],
    writes: [writeSubresource(PodDisruptionBudgets, 'status', 'update')],
    effects: {
      askScale: async (argument, { client }) => {
        const { budget, owner } = JSON.parse(argument) as AskScale;
        await scales.ask(client, budget, owner);
      },
    },
    snapshot(lookup, key) {
      const { namespace, name } = splitKey(key);
      const budget = lookup.get(PodDisruptionBudgets, namespace, name);
      if (budget === undefined) {
        scales.forget(key);
        return undefined;
      }
      const matcher = matcherFor(budget.spec?.selector);
      const pods = lookup.list(Pods, namespace).filter((one) => matcher.matches(one.metadata.labels));
      const unasked = new Set<string>();
      const counted = new Map<Pod, Scale>();
      if (countsOwners(budget))
        for (const pod of pods) {
          const owner = controllerOf(pod);
          if (owner === undefined) continue;
          const scale = scaleOf(pod, lookup);
          const answer = scale === undefined ? scales.known(key, owner) : { scale };
          if (answer === undefined) unasked.add(argumentOf(key, owner));
          else counted.set(pod, answer.scale ?? missing(pod));
        }
      if (unasked.size === 0) scales.forget(key);
      return { budget, pods, scaleOf: (pod: Pod) => counted.get(pod) ?? missing(pod), unasked: [...unasked] };
    },
    decide,
  });
}
