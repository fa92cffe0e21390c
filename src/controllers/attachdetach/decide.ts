// Which volumes of one node to attach and to detach, and what its status and its Pods' events say. Upstream's order: a volume is no
// longer called attached before it is detached, and is detached when the node has stopped using it.
import { Nodes, VolumeAttachments } from '#api/generated/kind-references.ts';
import type { Node, PersistentVolume, Pod, VolumeAttachment } from '#api/generated/types.ts';
import { attachmentName, attachmentOfKey, mayBeOnSeveralNodes } from '#rules/csi-attachment.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { create, patch, remove, type Action, type Decision, type EventRequest } from '../runtime/action.ts';

export interface WantedVolume {
  readonly volume: PersistentVolume;
  readonly pods: readonly Pod[];
}
export interface KnownAttachment {
  readonly attachment: VolumeAttachment;
  /** As the Node's status names the volume; undefined: the volume is gone, or somebody else made the attachment. */
  readonly key: string | undefined;
}

/** What is remembered from one decision about a node to the next. */
export interface AttachMemory {
  /** Since when an attachment is not wanted any more, on the clock that never jumps. */
  readonly detachAskedMs: Map<string, number>;
  /** What Pods have been told of a volume that they wait for, so that it is told once. */
  readonly told: Map<string, string>;
}

export interface AttachSnapshot {
  readonly nodeName: string;
  /** Undefined: it is gone. */
  readonly node: Node | undefined;
  readonly monotonicMs: number;
  readonly memory: AttachMemory;
  readonly wanted: ReadonlyMap<string, WantedVolume>;
  readonly attachments: readonly KnownAttachment[];
  /** Other nodes to which a wanted volume is attached, and their Pods that use it. */
  readonly elsewhere: ReadonlyMap<string, readonly { readonly nodeName: string; readonly pods: readonly Pod[] }[]>;
}

/** Upstream's maxWaitForUnmountDuration. */
const unmountWaitMs = 6 * 60_000;
/** Upstream's csiTimeout. */
const attachWaitMs = 2 * 60_000;
const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

export function decide(snapshot: AttachSnapshot, now: number): Decision {
  const { nodeName, node, memory, wanted, elsewhere } = snapshot;
  const events: EventRequest[] = [];
  const creates: Action[] = [];
  const removals: Action[] = [];
  const wakes: number[] = [];
  const attachments = snapshot.attachments.map((one) => ({ ...one, key: one.key ?? keyOf(snapshot, one) }));
  const current = node?.status?.volumesAttached ?? [];
  const attached = new Set<string>();

  for (const { attachment, key } of attachments) {
    if (key === undefined) continue;
    const name = attachment.metadata.name!;
    const leaving = attachment.metadata.deletionTimestamp !== undefined;
    if (wanted.has(key)) {
      memory.detachAskedMs.delete(name);
      if (!leaving && attachment.status?.attached === true) attached.add(key);
      continue;
    }
    if (leaving) continue;
    const waitMs = detachWait(snapshot, name, key);
    if (waitMs === 0) {
      // The next time: when the Node no longer calls it attached, and says all the same that it does not use it, it never will.
      if (!current.some((one) => one.name === key)) removals.push(remove(VolumeAttachments, attachment));
      continue;
    }
    if (waitMs !== undefined) wakes.push(waitMs);
    if (attachment.status?.attached === true) attached.add(key);
  }
  for (const name of memory.detachAskedMs.keys())
    if (!attachments.some(({ attachment }) => attachment.metadata.name === name)) memory.detachAskedMs.delete(name);
  for (const key of memory.told.keys()) if (!wanted.has(key)) memory.told.delete(key);

  for (const [key, { volume, pods }] of wanted) {
    const csi = volume.spec.csi!;
    const known = attachments.find((one) => one.key === key)?.attachment;
    const about = JSON.stringify(volume.metadata.name);
    const fail = (message: string): void =>
      void events.push(...pods.map((pod) => event(pod, 'Warning', 'FailedAttachVolume', message)));
    const once = (state: string, tell: () => void): void => {
      if (memory.told.get(key) === state) return;
      memory.told.set(key, state);
      tell();
    };
    if (known === undefined) {
      const others = mayBeOnSeveralNodes(volume) ? [] : (elsewhere.get(key) ?? []);
      if (others.length === 0) {
        creates.push(
          create(
            VolumeAttachments,
            {
              apiVersion: 'storage.k8s.io/v1',
              kind: 'VolumeAttachment',
              metadata: { name: attachmentName(csi.volumeHandle, csi.driver, nodeName) },
              spec: { attacher: csi.driver, nodeName, source: { persistentVolumeName: volume.metadata.name } },
            },
            { accept: ['AlreadyExists'] },
          ),
        );
        continue;
      }
      once('elsewhere', () => {
        for (const pod of pods)
          events.push(
            event(
              pod,
              'Warning',
              'FailedAttachVolume',
              `Multi-Attach error for volume ${about} ${usedBy(
                pod,
                others.flatMap((one) => one.pods),
              )}`,
            ),
          );
      });
      continue;
    }
    if (attached.has(key)) {
      memory.told.delete(key);
      if (!current.some(({ name }) => name === key))
        for (const pod of pods)
          events.push(
            event(pod, 'Normal', 'SuccessfulAttachVolume', `AttachVolume.Attach succeeded for volume ${about} `),
          );
      continue;
    }
    const error = known.status?.attachError;
    if (error !== undefined) {
      once(`${error.time} ${error.message}`, () =>
        fail(`AttachVolume.Attach failed for volume ${about} : ${error.message ?? ''}`),
      );
      continue;
    }
    const waitedMs = now - Date.parse(known.metadata.creationTimestamp ?? '');
    if (waitedMs < attachWaitMs) wakes.push(attachWaitMs - waitedMs);
    else
      once('late', () =>
        fail(
          `AttachVolume.Attach failed for volume ${about} : timed out waiting for external-attacher of ${csi.driver} CSI driver to attach volume ${csi.volumeHandle}`,
        ),
      );
  }
  return {
    actions: [...statusAction(node, attached), ...removals, ...creates],
    events,
    ...(wakes.length === 0 ? {} : { wakeAfterMs: Math.min(...wakes) }),
  };
}

/** Of an attachment whose volume is gone the Node's status may still know the name. */
function keyOf({ node, nodeName }: AttachSnapshot, { attachment }: KnownAttachment): string | undefined {
  const names = [
    ...(node?.status?.volumesAttached ?? []).map(({ name }) => name),
    ...(node?.status?.volumesInUse ?? []),
  ];
  return names.find((name) => attachmentOfKey(name, nodeName) === attachment.metadata.name);
}

/** 0: now. Undefined: when the node lets go of it. */
function detachWait({ node, memory, monotonicMs }: AttachSnapshot, name: string, key: string): number | undefined {
  const asked = memory.detachAskedMs.get(name) ?? monotonicMs;
  memory.detachAskedMs.set(name, asked);
  if (node?.status?.volumesInUse?.includes(key) !== true) return 0;
  if (node.spec?.taints?.some((taint) => taint.key === outOfServiceTaint) === true) return 0;
  const isHealthy = node.status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
  // A node that becomes unhealthy later wakes this anyway.
  return isHealthy ? undefined : Math.max(0, asked + unmountWaitMs - monotonicMs);
}

function statusAction(node: Node | undefined, attached: ReadonlySet<string>): readonly Action[] {
  if (node === undefined) return [];
  const current = node.status?.volumesAttached ?? [];
  const kept = current.filter(({ name }) => attached.has(name) || !name.startsWith('kubernetes.io/csi/'));
  const added = [...attached]
    .filter((name) => !current.some((one) => one.name === name))
    .toSorted()
    .map((name) => ({ name, devicePath: '' }));
  const next = [...kept, ...added];
  if (semanticallyEqual(next, current)) return [];
  return [
    patch(
      Nodes,
      node,
      { type: 'merge', value: { status: { volumesAttached: next.length === 0 ? null : next } } },
      { subresource: 'status', accept: ['NotFound'] },
    ),
  ];
}

const event = (about: Pod, type: EventRequest['type'], reason: string, message: string): EventRequest => ({
  about,
  type,
  reason,
  message,
});

/** Names of Pods in other namespaces are nobody's business. */
function usedBy(pod: Pod, users: readonly Pod[]): string {
  if (users.length === 0) return "Volume is already exclusively attached to one node and can't be attached to another";
  const local = users.filter((one) => one.metadata.namespace === pod.metadata.namespace);
  const others = users.length - local.length;
  if (local.length === 0) return `Volume is already used by ${others} pod(s) in different namespaces`;
  const names = `Volume is already used by pod(s) ${local.map(({ metadata }) => metadata.name).join(', ')}`;
  return others === 0 ? names : `${names} and ${others} pod(s) in different namespaces`;
}
