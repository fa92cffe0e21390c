// What the simulated user does. Each action draws what it needs from dice of its own and looks at the present state: so a
// scenario keeps its meaning when steps are taken out of it.
import {
  CronJobs,
  DaemonSets,
  Deployments,
  Jobs,
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ResourceQuotas,
  Services,
  StatefulSets,
} from '#api/generated/kind-references.ts';
import type { Deployment, Pod, PodTemplateSpec, ReplicaSet } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { Client } from '#client/client.ts';
import type { Store } from '#storage/store.ts';
import type { Dice } from '../world/dice.ts';
import { nameOf, stored } from '../world/stored.ts';
import * as objects from './objects.ts';

export interface UserContext {
  readonly dice: Dice;
  readonly client: Client;
  readonly store: Store;
}

/** Gives what was done, for the journal. */
export type UserAction = (context: UserContext) => Promise<string>;

export const namespaces = ['team-a', 'team-b'] as const;
const names = ['one', 'two', 'three'] as const;

const place = (dice: Dice): objects.ObjectPlace => ({
  namespace: dice.pick(namespaces) ?? '',
  name: dice.pick(names) ?? '',
});

/** One of the user's own objects of this kind. */
function any<T extends KubernetesObject>({ store, dice }: UserContext, kind: KindReference<T>): T | undefined {
  return dice.pick(namespaces.flatMap((namespace) => stored(store, kind, namespace)));
}
const keyOf = ({ metadata }: KubernetesObject) => ({ namespace: metadata.namespace, name: metadata.name ?? '' });

const creates =
  <T extends KubernetesObject>(kind: KindReference<T>, make: (at: objects.ObjectPlace, dice: Dice) => T): UserAction =>
  async ({ dice, client }) => {
    const made = await client.resource(kind).create(make(place(dice), dice));
    return `created ${nameOf(made)}`;
  };

const patches =
  <T extends KubernetesObject>(kind: KindReference<T>, change: (object: T, dice: Dice) => unknown): UserAction =>
  async (context) => {
    const object = any(context, kind);
    if (object === undefined) return 'there is none';
    const value = change(object, context.dice);
    await context.client.resource(kind).patch(keyOf(object), { type: 'strategic', value });
    return `${nameOf(object)} ${JSON.stringify(value)}`;
  };

const deletes =
  (kind: KindReference): UserAction =>
  async (context) => {
    const object = any(context, kind);
    if (object === undefined) return 'there is none';
    const propagationPolicy = context.dice.pick(['Background', 'Foreground', 'Orphan', 'Background'] as const);
    await context.client.resource(kind).delete(keyOf(object), { propagationPolicy });
    return `${nameOf(object)} ${propagationPolicy}`;
  };

const scales = (kind: KindReference): UserAction =>
  patches(kind, (_, dice) => ({ spec: { replicas: dice.between(0, 5) } }));

const changesTemplate = (kind: KindReference): UserAction =>
  patches(kind, (_, dice) => {
    const { containers } = objects.serverPod(dice);
    const wanted = { spec: { template: { spec: { containers: [{ name: 'main', image: containers[0]?.image }] } } } };
    return wanted;
  });

/** As `kubectl rollout undo`: the template of an older ReplicaSet. */
const rollBack: UserAction = async (context) => {
  const deployment = any<Deployment>(context, Deployments);
  if (deployment === undefined) return 'there is none';
  const own = stored<ReplicaSet>(context.store, ReplicaSets, deployment.metadata.namespace).filter((one) =>
    one.metadata.ownerReferences?.some((owner) => owner.uid === deployment.metadata.uid),
  );
  const older = context.dice.pick(own);
  if (older?.spec?.template === undefined) return `${nameOf(deployment)} has no revision`;
  const { 'pod-template-hash': _, ...labels } = older.spec.template.metadata?.labels ?? {};
  const template: PodTemplateSpec = { ...older.spec.template, metadata: { ...older.spec.template.metadata, labels } };
  await context.client.resource(Deployments).patch(keyOf(deployment), {
    type: 'json',
    operations: [{ op: 'replace', path: '/spec/template', value: template }],
  });
  return `${nameOf(deployment)} to ${older.metadata.name}`;
};

/** Evicts what runs there, as `kubectl drain`, once each. */
const drain: UserAction = async ({ dice, client, store }) => {
  const node = dice.pick(stored(store, Nodes));
  if (node === undefined) return 'there is none';
  await client.resource(Nodes).patch(keyOf(node), { type: 'merge', value: { spec: { unschedulable: true } } });
  let evicted = 0;
  let refused = 0;
  for (const pod of stored<Pod>(store, Pods)) {
    if (pod.spec.nodeName !== node.metadata.name || pod.metadata.ownerReferences?.[0]?.kind === 'DaemonSet') continue;
    const { namespace, name } = pod.metadata;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
    await client
      .resource(Pods)
      .createSubresource(keyOf(pod), 'eviction', eviction)
      .then(
        () => evicted++,
        () => refused++,
      );
  }
  return `${nameOf(node)}: ${evicted} evicted, ${refused} refused`;
};

const uncordon: UserAction = async ({ client, store }) => {
  const cordoned = stored(store, Nodes).filter((one) => one.spec?.unschedulable === true);
  for (const node of cordoned)
    await client.resource(Nodes).patch(keyOf(node), { type: 'merge', value: { spec: { unschedulable: null } } });
  return cordoned.map(nameOf).join(' ');
};

const taint: UserAction = async ({ dice, client, store }) => {
  const node = dice.pick(stored(store, Nodes));
  if (node === undefined) return 'there is none';
  const own = (node.spec?.taints ?? []).filter((one) => one.key !== 'sim/taint');
  const add = own.length === (node.spec?.taints ?? []).length;
  const effect = dice.pick(['NoSchedule', 'NoExecute'] as const) ?? 'NoSchedule';
  const taints = add ? [...own, { key: 'sim/taint', value: 'true', effect }] : own;
  await client.resource(Nodes).update({ ...node, spec: { ...node.spec, taints } });
  return `${nameOf(node)} ${add ? effect : 'no more'}`;
};

/** Its agent makes it again; nobody asks it about the Pods that were there. */
const deleteNode: UserAction = async ({ dice, client, store }) => {
  const node = dice.pick(stored(store, Nodes));
  if (node === undefined) return 'there is none';
  await client.resource(Nodes).delete(keyOf(node));
  return nameOf(node);
};

const deletePod: UserAction = async (context) => {
  const pod = any<Pod>(context, Pods);
  if (pod === undefined) return 'there is none';
  await context.client.resource(Pods).delete(keyOf(pod));
  return nameOf(pod);
};

/** Takes a Pod away from its owner, or gives it back: adoption. */
const relabelPod: UserAction = async (context) => {
  const pod = any<Pod>(context, Pods);
  if (pod === undefined) return 'there is none';
  const app = context.dice.pick(names);
  await context.client.resource(Pods).patch(keyOf(pod), { type: 'merge', value: { metadata: { labels: { app } } } });
  return `${nameOf(pod)} app=${app}`;
};

const lonelyPod: UserAction = async (context) => {
  const at = place(context.dice);
  const claim = context.dice.pick(stored(context.store, PersistentVolumeClaims, at.namespace));
  const pod = objects.lonelyPod(at, context.dice, context.dice.chance(0.5) ? claim?.metadata.name : undefined);
  return `created ${nameOf(await context.client.resource(Pods).create(pod))}`;
};

const makeNamespaces: UserAction = async ({ client, store }) => {
  const there = new Set(stored(store, Namespaces).map(nameOf));
  const missing = namespaces.filter((one) => !there.has(one));
  for (const name of missing) await client.resource(Namespaces).create({ metadata: { name }, spec: {} });
  return missing.join(' ');
};

const deleteNamespace: UserAction = async ({ client, dice }) => {
  const name = dice.pick(namespaces) ?? '';
  await client.resource(Namespaces).delete({ name });
  return name;
};

const annotate = (kind: KindReference): UserAction =>
  patches(kind, (_, dice) => ({ metadata: { annotations: { note: String(dice.between(0, 99)) } } }));

/** How often each is done, in relation to the others. */
export const userActions: Readonly<Record<string, { readonly weight: number; readonly run: UserAction }>> = {
  'make the namespaces': { weight: 3, run: makeNamespaces },
  'create a deployment': { weight: 8, run: creates(Deployments, objects.deployment) },
  'scale a deployment': { weight: 5, run: scales(Deployments) },
  'change a deployment': { weight: 5, run: changesTemplate(Deployments) },
  'pause a deployment': { weight: 1, run: patches(Deployments, (_, dice) => ({ spec: { paused: dice.chance(0.5) } })) },
  'roll back a deployment': { weight: 2, run: rollBack },
  'annotate a deployment': { weight: 1, run: annotate(Deployments) },
  'delete a deployment': { weight: 2, run: deletes(Deployments) },
  'delete a replica set': { weight: 1, run: deletes(ReplicaSets) },
  'create a stateful set': { weight: 5, run: creates(StatefulSets, objects.statefulSet) },
  'scale a stateful set': { weight: 3, run: scales(StatefulSets) },
  'change a stateful set': { weight: 3, run: changesTemplate(StatefulSets) },
  'delete a stateful set': { weight: 2, run: deletes(StatefulSets) },
  'create a daemon set': { weight: 2, run: creates(DaemonSets, objects.daemonSet) },
  'change a daemon set': { weight: 2, run: changesTemplate(DaemonSets) },
  'delete a daemon set': { weight: 1, run: deletes(DaemonSets) },
  'create a job': { weight: 4, run: creates(Jobs, objects.job) },
  'suspend a job': { weight: 2, run: patches(Jobs, (_, dice) => ({ spec: { suspend: dice.chance(0.4) } })) },
  'change the parallelism of a job': {
    weight: 1,
    run: patches(Jobs, (_, dice) => ({ spec: { parallelism: dice.between(0, 4) } })),
  },
  'delete a job': { weight: 1, run: deletes(Jobs) },
  'create a cron job': { weight: 2, run: creates(CronJobs, objects.cronJob) },
  'delete a cron job': { weight: 1, run: deletes(CronJobs) },
  'create a service': { weight: 3, run: creates(Services, objects.service) },
  'delete a service': { weight: 1, run: deletes(Services) },
  'create a claim': { weight: 2, run: creates(PersistentVolumeClaims, objects.claim) },
  'delete a claim': { weight: 1, run: deletes(PersistentVolumeClaims) },
  'create a budget': { weight: 2, run: creates(PodDisruptionBudgets, objects.budget) },
  'create a quota': { weight: 1, run: creates(ResourceQuotas, objects.quota) },
  'delete a quota': { weight: 1, run: deletes(ResourceQuotas) },
  'create a lonely pod': { weight: 2, run: lonelyPod },
  'delete a pod': { weight: 4, run: deletePod },
  'relabel a pod': { weight: 2, run: relabelPod },
  'drain a node': { weight: 2, run: drain },
  'uncordon all nodes': { weight: 2, run: uncordon },
  'taint a node': { weight: 1, run: taint },
  'delete a node': { weight: 0.7, run: deleteNode },
  'delete a namespace': { weight: 0.7, run: deleteNamespace },
};
