// The claims of a Pod's ephemeral volumes: made from the template in the Pod, owned by it.
import { PersistentVolumeClaims, Pods } from '#api/generated/kind-references.ts';
import type { PersistentVolumeClaim, Pod } from '#api/generated/types.ts';
import { controllerReference } from '#api/meta/owner.ts';
import { create, nothing, type Action, type Decision, type EventRequest } from '../runtime/action.ts';

export interface EphemeralVolumesSnapshot {
  readonly pod: Pod;
  readonly claim: (name: string) => PersistentVolumeClaim | undefined;
}

export function decide({ pod, claim }: EphemeralVolumesSnapshot): Decision {
  const { name: podName, namespace, uid, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return nothing;
  const actions: Action[] = [];
  for (const { name: volume, ephemeral } of pod.spec.volumes ?? []) {
    const template = ephemeral?.volumeClaimTemplate;
    if (template === undefined) continue;
    const name = `${podName!}-${volume}`;
    const failed = (cause: string): EventRequest => ({
      about: { ...pod, kind: 'Pod', apiVersion: 'v1' },
      type: 'Warning',
      reason: 'FailedBinding',
      message: `ephemeral volume ${volume}: ${cause}`,
    });
    const found = claim(name);
    if (found !== undefined) {
      if (found.metadata.ownerReferences?.some((one) => one.controller === true && one.uid === uid) === true) continue;
      const claimText = `${namespace!}/${name}`;
      // Looked at again once that claim is gone.
      return {
        actions,
        events: [failed(`PVC ${claimText} was not created for pod ${namespace!}/${podName!} (pod is not owner)`)],
      };
    }
    const { labels, annotations } = template.metadata ?? {};
    actions.push(
      create(
        PersistentVolumeClaims,
        {
          kind: 'PersistentVolumeClaim',
          apiVersion: 'v1',
          metadata: {
            name,
            namespace,
            ownerReferences: [controllerReference(Pods, pod)],
            ...(labels === undefined ? {} : { labels }),
            ...(annotations === undefined ? {} : { annotations }),
          },
          spec: template.spec,
        },
        { onFailure: (message) => failed(`create PVC ${name}: ${message}`) },
      ),
    );
  }
  return { actions };
}
