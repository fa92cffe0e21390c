// A small operator, as somebody would write one: one of its instances leads (a Lease), it makes a ConfigMap for each Site, says
// so in the status, and writes a farewell before a Site goes. `operator.ts KUBECONFIG NAME`; prints `leading` when it leads.
import {
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  makeInformer,
  type KubernetesListObject,
  type KubernetesObject,
  V1MicroTime,
  type V1ConfigMap,
  type V1Lease,
} from '@kubernetes/client-node';

interface Site extends KubernetesObject {
  spec: { text: string; replicas: number };
  status?: { observedGeneration?: number };
}

const [kubeconfigFile = '', identity = ''] = process.argv.slice(2);
const config = new KubeConfig();
config.loadFromFile(kubeconfigFile);
const sites = config.makeApiClient(CustomObjectsApi);
const core = config.makeApiClient(CoreV1Api);
const leases = config.makeApiClient(CoordinationV1Api);

const namespace = 'default';
const kind = { group: 'web.example.com', version: 'v1', namespace, plural: 'sites' };
const finalizer = 'web.example.com/farewell';
const leaseSeconds = 2;
const code = (error: unknown): number | undefined => (error as { code?: number }).code;
/** A copy without its class, which the client's serializer does not need. */
const changed = <T extends object>(object: T, changes: Partial<T>): T => Object.assign({}, object, changes);
const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

let leads = false;
let renewedMs = 0;
/** Nobody else can have taken the lease yet. */
const mayWrite = (): boolean => leads && performance.now() - renewedMs < leaseSeconds * 1000;

async function tryToLead(): Promise<boolean> {
  const name = 'site-operator';
  const now = new V1MicroTime();
  const spec = { holderIdentity: identity, leaseDurationSeconds: leaseSeconds, renewTime: now };
  let lease: V1Lease;
  try {
    lease = await leases.readNamespacedLease({ namespace, name });
  } catch (error) {
    if (code(error) !== 404) throw error;
    await leases.createNamespacedLease({
      namespace,
      body: { metadata: { name }, spec: { ...spec, leaseTransitions: 0 } },
    });
    return true;
  }
  const isMine = lease.spec?.holderIdentity === identity;
  const renewed = new Date(lease.spec?.renewTime ?? 0).getTime();
  if (!isMine && now.getTime() - renewed < leaseSeconds * 1000) return false;
  const transitions = (lease.spec?.leaseTransitions ?? 0) + (isMine ? 0 : 1);
  // With its resource version: of two that try, one wins.
  await leases.replaceNamespacedLease({
    namespace,
    name,
    body: changed(lease, { spec: changed(lease.spec ?? {}, { ...spec, leaseTransitions: transitions }) }),
  });
  return true;
}

async function lead(): Promise<never> {
  for (;;) {
    const startedMs = performance.now();
    let isLeader = false;
    try {
      isLeader = await tryToLead();
    } catch (error) {
      // A conflict, or the server is away: try again, and stop writing when the lease is over.
      if (code(error) !== 409) console.error(String(error));
    }
    if (isLeader) renewedMs = startedMs;
    if (isLeader && !leads) console.log('leading');
    leads = isLeader || (leads && mayWrite());
    if (isLeader) for (const site of informer.list()) wake(site);
    await sleep(300);
  }
}

const waiting = new Set<string>();
function wake(site: Site): void {
  const name = site.metadata!.name!;
  if (!mayWrite() || waiting.has(name)) return;
  waiting.add(name);
  reconcile(name)
    .catch((error: unknown) => {
      if (code(error) !== 404 && code(error) !== 409) console.error(String(error));
    })
    .finally(() => waiting.delete(name));
}

async function write(body: V1ConfigMap): Promise<void> {
  try {
    await core.createNamespacedConfigMap({ namespace, body });
  } catch (error) {
    if (code(error) !== 409) throw error;
    await core.replaceNamespacedConfigMap({ namespace, name: body.metadata!.name!, body });
  }
}

async function reconcile(name: string): Promise<void> {
  const site = (await sites.getNamespacedCustomObject({ ...kind, name })) as Site;
  const { metadata } = site;
  const finalizers = metadata?.finalizers ?? [];
  if (metadata?.deletionTimestamp !== undefined) {
    if (!finalizers.includes(finalizer)) return;
    await write({ metadata: { name: `${name}-farewell` }, data: { by: identity, said: site.spec.text } });
    const left = finalizers.filter((one) => one !== finalizer);
    await sites.replaceNamespacedCustomObject({
      ...kind,
      name,
      body: changed(site, { metadata: changed(metadata, { finalizers: left }) }),
    });
    return;
  }
  if (!finalizers.includes(finalizer)) {
    await sites.replaceNamespacedCustomObject({
      ...kind,
      name,
      body: changed(site, { metadata: changed(metadata ?? {}, { finalizers: [...finalizers, finalizer] }) }),
    });
    return; // the change comes back
  }
  if (site.status?.observedGeneration === metadata?.generation) return;
  await write({
    metadata: {
      name: `${name}-page`,
      ownerReferences: [
        { apiVersion: site.apiVersion!, kind: site.kind!, name, uid: metadata!.uid!, controller: true },
      ],
    },
    data: { 'index.html': site.spec.text },
  });
  const status = {
    observedGeneration: metadata?.generation,
    replicas: site.spec.replicas,
    by: identity,
    conditions: [{ type: 'Written', status: 'True' }],
  };
  await sites.replaceNamespacedCustomObjectStatus({ ...kind, name, body: { ...site, status } });
}

const informer = makeInformer<Site>(
  config,
  `/apis/${kind.group}/${kind.version}/namespaces/${namespace}/${kind.plural}`,
  () => sites.listNamespacedCustomObject(kind) as Promise<KubernetesListObject<Site>>,
);
informer.on('add', wake);
informer.on('update', wake);
const begin = (): void => void informer.start().catch(() => setTimeout(begin, 200));
informer.on('error', () => void setTimeout(begin, 200));
begin();
await lead();
