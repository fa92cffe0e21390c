// Writes what was decided on devices into their claims, waits for devices that become ready only then, and takes reservations back.
import { ResourceClaimsResourceV1 } from '#api/generated/kind-references.ts';
import type { Pod, ResourceClaimResourceV1 } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { isNotFound, isReason } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/client.ts';
import { claimFinalizer, consumerOf, isReservedFor } from '#rules/pod-resource-claims.ts';
import {
  deviceBindingTimeoutMs,
  hasTimedOut,
  readinessOf,
  resultsWithConditions,
} from './plugins/dynamic-resources/binding-conditions.ts';
import type { DevicePlan, PlannedClaim } from './plugins/dynamic-resources/plugin.ts';

/** Others write to the claim too: as often as upstream tries (retry.DefaultRetry). */
const writeAttemptsMax = 5;
const retryMs = 10;

export interface BindDevicesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly onWritten: (claim: ResourceClaimResourceV1) => void;
  /** The Pod waits until drivers say that its devices are ready. */
  readonly onWaiting: () => void;
  /** Told once, with what it came to. */
  readonly onWaited: (
    result: 'success' | 'failed' | 'timeout' | 'error',
    seconds: number,
    claims: readonly ResourceClaimResourceV1[],
  ) => void;
}

export async function bindDevices(pod: Pod, { claims }: DevicePlan, options: BindDevicesOptions): Promise<void> {
  const bound: ResourceClaimResourceV1[] = [];
  for (const one of claims) bound.push(one.isReserved ? one.claim : await bindClaim(pod, one, options));
  if (bound.some((one) => resultsWithConditions(one).length > 0)) await whenReady(bound, options);
}

async function bindClaim(
  pod: Pod,
  { claim, allocation }: PlannedClaim,
  { client, clock, onWritten }: BindDevicesOptions,
): Promise<ResourceClaimResourceV1> {
  const claims = client.resource(ResourceClaimsResourceV1);
  const { namespace, name, uid } = claim.metadata;
  const text = `${namespace}/${name}`;
  let current = claim;
  for (let attempt = 1; ; attempt++)
    try {
      if (current.metadata.uid !== uid || current.metadata.deletionTimestamp !== undefined)
        throw new Error(`claim ${text} got deleted in the meantime`);
      if (allocation !== undefined) {
        if (current.status?.allocation !== undefined)
          throw new Error(`claim ${text} got allocated elsewhere in the meantime`);
        // Before the allocation: it must not go away with the claim.
        const { finalizers = [] } = current.metadata;
        if (!finalizers.includes(claimFinalizer))
          current = await claims.update({
            ...current,
            metadata: { ...current.metadata, finalizers: [...finalizers, claimFinalizer] },
          });
      }
      const given = allocation ?? current.status?.allocation;
      if (given === undefined) throw new Error(`claim ${text} got deallocated elsewhere in the meantime`);
      const { reservedFor = [] } = current.status ?? {};
      const written = await claims.update(
        {
          ...current,
          status: {
            ...current.status,
            allocation: { ...given, allocationTimestamp: given.allocationTimestamp ?? formatTime(clock.now()) },
            reservedFor: isReservedFor(current, pod) ? reservedFor : [...reservedFor, consumerOf(pod)],
          },
        },
        { subresource: 'status' },
      );
      if (allocation !== undefined) onWritten(written);
      return written;
    } catch (error) {
      if (!isReason(error, 'Conflict') || attempt >= writeAttemptsMax) throw error;
      await new Promise<void>((resolve) => void clock.schedule(retryMs, resolve));
      current = await claims.get({ namespace, name: name! });
    }
}

async function whenReady(
  bound: readonly ResourceClaimResourceV1[],
  { client, clock, signal, onWaiting, onWaited }: BindDevicesOptions,
): Promise<void> {
  const informer = client.informer(ResourceClaimsResourceV1);
  const startMs = clock.monotonicMs();
  /** Those that were written are newer than what the informer may know. */
  const current = (): readonly ResourceClaimResourceV1[] =>
    bound.map((one) => {
      const known = informer.get(one.metadata.namespace, one.metadata.name!);
      if (known?.metadata.uid !== one.metadata.uid) return one;
      return BigInt(known!.metadata.resourceVersion!) >= BigInt(one.metadata.resourceVersion!) ? known! : one;
    });
  const isEveryReady = (): boolean =>
    current().every((claim) => {
      const readiness = readinessOf(claim);
      if (readiness.type === 'failed') throw new DeviceBindingError('failed', readiness.message);
      if (readiness.type === 'waiting' && hasTimedOut(claim, clock.now()))
        throw new DeviceBindingError('timeout', `device binding timeout: claim=${claim.metadata.name}`);
      return readiness.type === 'ready';
    });
  onWaiting();
  const seconds = (): number => (clock.monotonicMs() - startMs) / 1000;
  try {
    await new Promise<void>((resolve, reject) => {
      const names = new Set(bound.map((one) => one.metadata.name));
      let ended = false;
      const end = (error?: unknown): void => {
        if (ended) return;
        ended = true;
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
        subscription?.[Symbol.dispose]();
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        try {
          if (isEveryReady()) end();
        } catch (error) {
          end(error);
        }
      };
      const onAbort = (): void => end(new Error('the scheduler is stopping'));
      const timer = clock.schedule(deviceBindingTimeoutMs, () =>
        end(new DeviceBindingError('timeout', 'device binding timeout: context deadline exceeded')),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      let subscription: Disposable | undefined;
      const made = informer.onChange(({ previous, current: now }) => {
        if (names.has((now ?? previous)!.metadata.name)) look();
      });
      if (ended) made[Symbol.dispose]();
      else {
        subscription = made;
        look();
      }
    });
    onWaited('success', seconds(), current());
  } catch (error) {
    onWaited(error instanceof DeviceBindingError ? error.result : 'error', seconds(), current());
    throw error;
  }
}

class DeviceBindingError extends Error {
  readonly result: 'failed' | 'timeout';
  constructor(result: 'failed' | 'timeout', message: string) {
    super(message);
    this.result = result;
  }
}

/** The Pod is not bound after all. What is allocated stays so: it is tried again with that. */
export async function unreserveDevices(
  pod: Pod,
  { claims }: DevicePlan,
  { client, logger }: { readonly client: Client; readonly logger: Logger },
): Promise<void> {
  for (const { claim } of claims) {
    const { namespace, name, uid } = claim.metadata;
    try {
      const current = await client.resource(ResourceClaimsResourceV1).find({ namespace, name: name! });
      if (current?.metadata.uid !== uid || current?.status?.allocation === undefined || !isReservedFor(current, pod))
        continue;
      await client.resource(ResourceClaimsResourceV1).patch(
        { namespace, name: name! },
        {
          type: 'strategic',
          value: { metadata: { uid }, status: { reservedFor: [{ $patch: 'delete', uid: pod.metadata.uid }] } },
        },
        { subresource: 'status' },
      );
    } catch (error) {
      if (isNotFound(error)) continue;
      logger.warn('cannot take the reservation of a claim back', { claim: name, error: messageOf(error) });
    }
  }
}

/** A claim that nobody uses loses its devices, so that a Pod can have others. */
export async function releaseDevices(
  claim: ResourceClaimResourceV1,
  { client, logger }: { readonly client: Client; readonly logger: Logger },
): Promise<void> {
  try {
    const { allocation: _allocation, reservedFor: _reservedFor, devices: _devices, ...status } = claim.status ?? {};
    await client.resource(ResourceClaimsResourceV1).update({ ...claim, status }, { subresource: 'status' });
  } catch (error) {
    // Somebody was faster: the Pod is tried again when the claim changes.
    if (isNotFound(error) || isReason(error, 'Conflict')) return;
    logger.warn('cannot deallocate a claim', { claim: claim.metadata.name, error: messageOf(error) });
  }
}
