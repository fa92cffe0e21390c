// Writes the bootstrap objects that are missing or differ; a start that finds all of them as they should be writes nothing.
import { ConfigMaps, Namespaces, ServiceCIDRs } from '#api/generated/kind-references.ts';
import { formatTime } from '#api/meta/time.ts';
import { isAlreadyExists, isConflict } from '#api/status.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { writeConflictRetriesMax } from '#base/limits.ts';
import type { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import type { Pki } from '#pki/pki.ts';
import {
  addressObjects,
  authenticationConfigMap,
  bootstrapObjects,
  defaultServiceCidr,
  stockSccs,
  tokenTracking,
  type BootstrapAuthorities,
  type BootstrapObject,
} from '../bootstrap-objects.ts';
import {
  bindsOtherRole,
  bootstrapRbac,
  rbacGroups,
  reconciledRbac,
  type RbacFacts,
  type RbacGroup,
  type RbacObject,
} from '../bootstrap-rbac.ts';
import { defaultCertificateSecret, ingressObjects, removedWithRouter } from '../ingress-objects.ts';
import { featureGates } from '#api/feature-gates.ts';
import { withGatedRoles } from '../bootstrap-gated-roles.ts';
import { clusterFacts, clusterFactsConfigMap, type ClusterFacts } from '../cluster-facts.ts';
import type { AssemblyContext } from '../parts.ts';
import { writtenWhenPossible } from './written-when-possible.ts';

const fieldManager = 'microshift';
const addressTries = 10;
const addressRetryMs = 5_000;
/** What starts after this keeps the event loop busy for 60 ms: who waits for /readyz is answered before, a handshake included. */
const clientsFirstMs = 15;

export async function startBootstrap(context: AssemblyContext, scope: Scope): Promise<void> {
  const { configuration, parts } = context;
  const pki = parts.take('pki');
  const client = parts.take('systemClient');
  const objects = bootstrapObjects(configuration, authoritiesOf(pki), apiServersOf(context));
  const { default: facts } = await import('#api/facts/rbac-bootstrap.json', { with: { type: 'json' } });
  const { default: sccs } = await import('#api/facts/stock-sccs.json', { with: { type: 'json' } });
  const gates = featureGates(new Map(Object.entries(configuration.apiServer.featureGates.changed)));
  const rbac = rbacGroups(bootstrapRbac(withGatedRoles(facts as unknown as RbacFacts, gates)));
  scope.spawn('own objects of the API server', async (signal) => {
    const kept = parts.take('apiServer').keepOwnObjects();
    // They may never be: on a full disk.
    const stopped = new Promise<'stopped'>((resolve) => signal.addEventListener('abort', () => resolve('stopped')));
    if ((await Promise.race([kept, stopped])) !== 'stopped') parts.provide('ownObjectsKept', true);
  });
  await writtenWhenPossible(context, 'the objects of the cluster', async () => {
    // Namespaces first: the rest is written side by side, in one or two commits.
    const isNamespace = (one: BootstrapObject) => one.kind.resource === 'namespaces';
    await Promise.all([
      ...objects.filter(isNamespace).map((one) => ensure(client, one)),
      ...rbac.filter((one) => !one.kind.namespaced).map((one) => ensureRbac(client, one)),
    ]);
    await Promise.all([
      ...[...objects, ...stockSccs(sccs), tokenTracking(context.clock.now())]
        .filter((one) => !isNamespace(one))
        .map((one) => ensure(client, one)),
      ...rbac.filter((one) => one.kind.namespaced).map((one) => ensureRbac(client, one)),
    ]);
    await markServiceRangeReady(client, context);
  });
  const system = await client.resource(Namespaces).get({ name: 'kube-system' });
  const factsNow = () => clusterFacts(configuration, system.metadata.uid!, pki.bundle('kubeletClient'));
  await writtenWhenPossible(context, 'the facts of the cluster', () => ensure(client, clusterFactsObject(factsNow())));
  parts.provide('cluster', factsNow());
  parts.provide('nodeServing', {
    pair: () => pki.leaf('kubelet-serving'),
    clientAuthorities: () => pki.bundle('kubeletClient'),
    onChange: (listener) => pki.onChange(listener),
  });
  parts.provide('bootstrapped', true);
  if (parts.has('datastoreRepaired')) await tellOfRepair(context, client, scope);

  const address = parts.take('nodeAddress');
  // One after the other: what is older must not be written last.
  let following: Promise<void> = Promise.resolve();
  const follow = (signal: AbortSignal): Promise<void> => {
    following = following.catch(() => {}).then(() => followNow(signal));
    return following;
  };
  const followNow = async (signal: AbortSignal): Promise<void> => {
    for (let tries = 0; tries < addressTries; tries++)
      try {
        const objects = addressObjects(context.live.current, address.current, apiServersOf(context));
        for (const one of objects) await ensure(client, one);
        return;
      } catch (error) {
        context.logger.warn('the endpoints of the new address could not be written', { error: messageOf(error) });
        await sleep(context.clock, addressRetryMs, signal);
      }
  };
  const listening = address.onChange(() => scope.spawn('new address', follow));
  scope.onClose(() => listening[Symbol.dispose]());
  if (parts.has('apiServers')) {
    const others = parts.take('apiServers').onChange(() => scope.spawn('API servers', follow));
    scope.onClose(() => others[Symbol.dispose]());
    // They may have changed while the objects above were written.
    scope.spawn('API servers', follow);
  }
  followIngress(context, client, scope, follow);
  const renewal = pki.onChange(() => scope.spawn('renewed authorities', () => publishAuthorities(context, client)));
  scope.onClose(() => renewal[Symbol.dispose]());
  // It may have changed while the objects above were written.
  if (address.current !== configuration.nodeIp) scope.spawn('new address', follow);
  // Nobody knows the port of one that keeps nothing before all of it is ready.
  if (context.keepsState) await sleep(context.clock, clientsFirstMs);
}

/** Undefined: this one alone. */
const apiServersOf = ({ parts }: AssemblyContext): readonly string[] | undefined =>
  parts.has('apiServers') ? parts.take('apiServers').addresses : undefined;

/** Who looks at the cluster from elsewhere must see it too. */
async function tellOfRepair({ parts, clock, logger }: AssemblyContext, client: Client, scope: Scope): Promise<void> {
  const { createEventRecorder } = await import('#client/event-recorder.ts');
  const recorder = createEventRecorder({ client, component: 'microshift-datastore', clock, logger });
  scope.onClose(() => recorder.close());
  const about = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } };
  recorder.event(about, 'Warning', 'DatastoreRestored', parts.take('datastoreRepaired'));
}

async function removeAll(client: Client, objects: readonly BootstrapObject[]): Promise<void> {
  for (const { kind, object } of objects) {
    const key = { namespace: object.metadata.namespace, name: object.metadata.name ?? '' };
    if ((await client.resource(kind).find(key)) !== undefined) await client.resource(kind).delete(key);
  }
}

/** The router's ports and its generated certificate, in the objects that tell of them. */
function followIngress(
  context: AssemblyContext,
  client: Client,
  scope: Scope,
  followAddresses: (signal: AbortSignal) => Promise<void>,
): void {
  const pki = context.parts.take('pki');
  const isManaged = (): boolean => context.live.current.ingress.status === 'Managed';
  const publish = async (): Promise<void> => {
    if (!isManaged()) return;
    const { certificatePem, keyPem } = pki.leaf('ingress-serving');
    try {
      await ensure(client, defaultCertificateSecret(certificatePem, keyPem));
    } catch (error) {
      context.logger.warn("the router's default certificate could not be published: the next start does it", {
        error: messageOf(error),
      });
    }
  };
  scope.spawn('default certificate', publish);
  // Of an earlier start with a router.
  if (!isManaged()) scope.spawn('no router', () => removeAll(client, removedWithRouter));
  const renewal = pki.onChange(() => scope.spawn('default certificate', publish));
  const ports = context.live.onChange(
    ({ ingress }) => [ingress.status, ingress.httpPort, ingress.httpsPort, ingress.listenAddresses],
    () =>
      scope.spawn('objects of the router', async (signal) => {
        if (!isManaged()) return removeAll(client, removedWithRouter);
        await publish();
        for (const one of ingressObjects(context.live.current.ingress)) await ensure(client, one);
        await followAddresses(signal);
      }),
  );
  scope.onClose(() => {
    renewal[Symbol.dispose]();
    ports[Symbol.dispose]();
  });
}

const clusterFactsObject = (facts: ClusterFacts): BootstrapObject => ({
  kind: ConfigMaps,
  object: clusterFactsConfigMap(facts),
});
const authoritiesOf = (pki: Pki): BootstrapAuthorities => ({
  clientPem: pki.bundle('client'),
  requestHeaderPem: pki.bundle('requestHeader'),
});

/** Where authorities are published; kube-root-ca.crt is looked at again by its controller when it is touched. */
async function publishAuthorities({ logger, parts }: AssemblyContext, client: Client): Promise<void> {
  const pki = parts.take('pki');
  const certificates = pki.bundle('serving');
  try {
    await ensure(client, authenticationConfigMap(authoritiesOf(pki)));
    const facts = { ...parts.take('cluster'), nodeClientAuthorities: pki.bundle('kubeletClient') };
    await ensure(client, clusterFactsObject(facts));
    const { items } = await client.resource(ConfigMaps).list({ fieldSelector: 'metadata.name=kube-root-ca.crt' });
    for (const { metadata, data } of items)
      if (data?.['ca.crt'] !== certificates)
        await client
          .resource(ConfigMaps)
          .patch(
            { namespace: metadata.namespace, name: 'kube-root-ca.crt' },
            { type: 'merge', value: { data: { 'ca.crt': certificates } } },
            { fieldManager },
          );
  } catch (error) {
    logger.warn('renewed authorities could not be published in the cluster: the next start does it', {
      error: messageOf(error),
    });
  }
}

/** Creates it, or where the given fields differ applies them. */
export async function ensure(client: Client, { kind, object, keepChanges }: BootstrapObject): Promise<void> {
  const resource = client.resource(kind);
  const key = { namespace: object.metadata.namespace, name: object.metadata.name ?? '' };
  const current = await resource.find(key);
  if (current === undefined) {
    await resource.create(object, { fieldManager }).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
    return;
  }
  if (keepChanges === true || contains(current, object)) return;
  const value = {
    apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
    kind: kind.kind,
    ...object,
  };
  await resource.patch(key, { type: 'apply', value, force: true }, { fieldManager });
}

/** Every field of `wanted` is in `current` with that value; lists agree item by item, each item containing the wanted one. */
export function contains(current: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted))
    return (
      Array.isArray(current) &&
      current.length === wanted.length &&
      wanted.every((one, index) => contains(current[index], one))
    );
  if (typeof wanted !== 'object' || wanted === null) return Object.is(current, wanted);
  if (typeof current !== 'object' || current === null) return false;
  const fields = new Map(Object.entries(current));
  return Object.entries(wanted).every(([key, value]) => contains(fields.get(key), value));
}

/** Its Ready condition, unless somebody has said otherwise. */
async function markServiceRangeReady(client: Client, { clock, configuration }: AssemblyContext): Promise<void> {
  const resource = client.resource(ServiceCIDRs);
  const range = await resource.find({ name: defaultServiceCidr });
  const differs = range?.spec.cidrs?.join() !== configuration.cluster.serviceRanges.join();
  const decided = range?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'Unknown');
  if (range === undefined || differs || decided === true) return;
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: formatTime(clock.now()),
  };
  const value = {
    apiVersion: 'networking.k8s.io/v1',
    kind: ServiceCIDRs.kind,
    metadata: { name: defaultServiceCidr },
    status: { conditions: [condition] },
  };
  const patch = { type: 'apply', value, force: true } as const;
  await resource.patch({ name: defaultServiceCidr }, patch, { fieldManager, subresource: 'status' });
}

/** Every object of the group, restored where something of it is missing. */
export async function ensureRbac(client: Client, { kind, objects }: RbacGroup): Promise<void> {
  const resource = client.resource(kind);
  const { items } = await resource.list();
  const idOf = (one: KubernetesObject) => `${one.metadata.namespace ?? ''}/${one.metadata.name ?? ''}`;
  const current = new Map<string, RbacObject>(items.map((one) => [idOf(one), one]));
  const write = async (wanted: RbacObject, there: RbacObject | undefined): Promise<void> => {
    if (there === undefined) await resource.create(wanted, { fieldManager });
    else if (bindsOtherRole(there, wanted)) {
      const { namespace, name = '', uid } = there.metadata;
      await resource.delete({ namespace, name }, { preconditions: { uid } });
      await resource.create(wanted, { fieldManager });
    } else {
      const changed = reconciledRbac(there, wanted);
      if (changed !== undefined) await resource.update(changed, { fieldManager });
    }
  };
  await Promise.all(
    objects.map(async (wanted) => {
      let there = current.get(idOf(wanted));
      for (let left = writeConflictRetriesMax; ; left--)
        try {
          return await write(wanted, there);
        } catch (error) {
          // Somebody else wrote it meanwhile, such as the controller of roles of roles.
          if (left === 0 || (!isAlreadyExists(error) && !isConflict(error))) throw error;
          const { namespace, name = '' } = wanted.metadata;
          there = await resource.find({ namespace, name });
        }
    }),
  );
}
