// Carries out a decision: reserves and orders volumes, waits for them, then binds the Pod.
import { PersistentVolumeClaims, PersistentVolumes, Pods } from '#api/generated/kind-references.ts';
import type { Binding, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/generated/types.ts';
import { isReason } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Client } from '#client/client.ts';
import { refersTo } from '#rules/volume-matches-claim.ts';
import { bindDevices, type BindDevicesOptions } from './bind-devices.ts';
import type { DevicePlan } from './plugins/dynamic-resources/plugin.ts';
import type { VolumePlan } from './plugins/volume-binding/plugin.ts';

const bindTimeoutMs = 600_000;
/** Others write to the claim too; after so many conflicts the Pod is decided again. */
const selectAttemptsMax = 5;
const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';

/** What the plan was made on has changed: the Pod is to be decided again soon, nothing is wrong. */
export class StalePlanError extends Error {}

export interface BindOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface BindPlan {
  readonly volumes: VolumePlan;
  readonly devices: DevicePlan;
}

export async function bind(pod: Pod, node: string, plan: BindPlan, options: BindDevicesOptions): Promise<void> {
  const { volumes, devices } = plan;
  if (volumes.reserve.length + volumes.provision.length > 0) {
    try {
      await bindVolumes(node, volumes, options);
    } catch (error) {
      if (error instanceof StalePlanError) throw error;
      throw new Error(`running PreBind plugin "VolumeBinding": binding volumes: ${messageOf(error)}`, { cause: error });
    }
  }
  try {
    await bindDevices(pod, devices, options);
  } catch (error) {
    throw new Error(`running PreBind plugin "DynamicResources": ${messageOf(error)}`, { cause: error });
  }
  const { namespace, name, uid } = pod.metadata;
  const binding: Binding = {
    kind: 'Binding',
    apiVersion: 'v1',
    metadata: { name, namespace, uid },
    target: { kind: 'Node', name: node },
  };
  await options.client.resource(Pods).createSubresource({ namespace, name: name! }, 'binding', binding);
}

async function bindVolumes(node: string, plan: VolumePlan, options: BindOptions): Promise<void> {
  const { client } = options;
  for (const { claim, volume } of plan.reserve) await reserve(claim, volume, client);
  for (const claim of plan.provision) await selectNode(claim, node, client);
  await whenBound([...plan.reserve.map((one) => one.claim), ...plan.provision], node, options);
}

async function reserve(claim: PersistentVolumeClaim, volume: PersistentVolume, client: Client): Promise<void> {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  try {
    await client.resource(PersistentVolumes).update({
      ...volume,
      metadata: {
        ...volume.metadata,
        annotations: { ...volume.metadata.annotations, 'pv.kubernetes.io/bound-by-controller': 'yes' },
      },
      spec: {
        ...volume.spec,
        claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion },
      },
    });
  } catch (error) {
    if (!isReason(error, 'Conflict') && !isReason(error, 'NotFound')) throw error;
    // Another Pod with the same claim may have reserved it.
    const now = await client.resource(PersistentVolumes).find({ name: volume.metadata.name! });
    if (now === undefined || !refersTo(now, claim)) throw new StalePlanError(`volume ${volume.metadata.name!} changed`);
  }
}

async function selectNode(claim: PersistentVolumeClaim, node: string, client: Client): Promise<void> {
  const claims = client.resource(PersistentVolumeClaims);
  let current = claim;
  for (let attempt = 0; attempt < selectAttemptsMax; attempt++) {
    const selected = current.metadata.annotations?.[selectedNodeAnnotation];
    if (selected === node) return;
    // Another Pod with the same claim got another node, or the claim a volume, which may be on another node.
    if (selected !== undefined || (current.spec?.volumeName ?? '') !== '') break;
    try {
      await claims.update({
        ...current,
        metadata: {
          ...current.metadata,
          annotations: { ...current.metadata.annotations, [selectedNodeAnnotation]: node },
        },
      });
      return;
    } catch (error) {
      if (!isReason(error, 'Conflict') && !isReason(error, 'NotFound')) throw error;
      const now = await claims.find({ namespace: claim.metadata.namespace, name: claim.metadata.name! });
      if (now === undefined || now.metadata.uid !== claim.metadata.uid) break;
      current = now;
    }
  }
  throw new StalePlanError(`claim ${claim.metadata.name!} changed`);
}

/** Resolves when all claims are bound; rejects when one cannot be any more. */
function whenBound(
  claims: readonly PersistentVolumeClaim[],
  node: string,
  { client, clock, signal }: BindOptions,
): Promise<void> {
  const informer = client.informer(PersistentVolumeClaims);
  const waiting = new Map(claims.map((one) => [`${one.metadata.namespace!}/${one.metadata.name!}`, one.metadata.uid]));
  /** Only a claim that was seen with the annotation can have lost it. */
  const annotated = new Set<string>();
  return new Promise((resolve, reject) => {
    const subscriptions = new DisposableStack();
    let ended = false;
    const end = (error?: Error) => {
      if (ended) return;
      ended = true;
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      subscriptions.dispose();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = () => end(new Error('the scheduler is stopping'));
    const timer = clock.schedule(bindTimeoutMs, () => end(new Error('context deadline exceeded')));
    signal.addEventListener('abort', onAbort, { once: true });
    const subscription = informer.onChange(({ previous, current }) => {
      const changed = current ?? previous!;
      const key = `${changed.metadata.namespace!}/${changed.metadata.name!}`;
      if (!waiting.has(key) || changed.metadata.uid !== waiting.get(key)) return;
      const selected = changed.metadata.annotations?.[selectedNodeAnnotation];
      if (current === undefined) end(new Error(`claim ${key} was deleted`));
      else if (
        current.spec?.volumeName &&
        current.metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined
      ) {
        waiting.delete(key);
        if (waiting.size === 0) end();
      } else if (selected === node) annotated.add(key);
      else if (annotated.has(key))
        // The provisioner gives this node up: the Pod is scheduled anew.
        end(new Error('selectedNode annotation reset for PVC ' + JSON.stringify(changed.metadata.name)));
    });
    // The objects that are there come first, synchronously: it may be over already.
    if (ended) subscription[Symbol.dispose]();
    else subscriptions.use(subscription);
  });
}
