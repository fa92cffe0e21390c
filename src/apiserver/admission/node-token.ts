// A node asks for tokens only for its own pods, and only for audiences that those pods name. Rules of upstream's
// noderestriction: admitServiceAccount. Called by the token subresource, which is no write of an object.
import type { CSIDriver, PersistentVolume, PersistentVolumeClaim, Pod, TokenRequest } from '#api/generated/types.ts';
import { CSIDrivers, PersistentVolumeClaims, PersistentVolumes, Pods } from '#api/generated/kind-references.ts';
import { storageKey } from '#api/kinds.ts';
import { forbiddenError, notFoundError } from '#api/status.ts';
import type { Store } from '#storage/store.ts';
import { nodeOf } from '../authorization/node.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { isAllowed } from '../authorization/is-allowed.ts';

function driverOfClaim(store: Store, namespace: string, claimName: string): string | undefined {
  const claim = store.get(storageKey(PersistentVolumeClaims, namespace, claimName))?.object() as
    | PersistentVolumeClaim
    | undefined;
  const volume = store.get(storageKey(PersistentVolumes, undefined, claim?.spec?.volumeName ?? ''))?.object() as
    | PersistentVolume
    | undefined;
  return volume?.spec?.csi?.driver;
}

function namesAudience(store: Store, pod: Pod, audience: string): boolean {
  const namespace = pod.metadata.namespace ?? '';
  return (pod.spec.volumes ?? []).some((volume) => {
    const sources = volume.projected?.sources ?? [];
    if (
      sources.some(
        (one) => one.serviceAccountToken !== undefined && (one.serviceAccountToken.audience ?? '') === audience,
      )
    )
      return true;
    const claimName =
      volume.ephemeral === undefined
        ? volume.persistentVolumeClaim?.claimName
        : `${pod.metadata.name ?? ''}-${volume.name}`;
    const driverName = claimName === undefined ? volume.csi?.driver : driverOfClaim(store, namespace, claimName);
    if (driverName === undefined) return false;
    const driver = store.get(storageKey(CSIDrivers, undefined, driverName))?.object() as CSIDriver | undefined;
    return driver?.spec.tokenRequests?.some((one) => one.audience === audience) === true;
  });
}

/** Throws an ApiError (403, or 404 when the pod is gone). */
export async function checkNodeToken(request: ResourceRequest, review: TokenRequest): Promise<void> {
  const { context, namespace, name } = request;
  const nodeName = nodeOf(context.user);
  if (nodeName === undefined) return;
  const refuse = (text: string) => forbiddenError({ group: '', resource: 'serviceaccounts' }, name, text);
  const reference = review.spec.boundObjectRef;
  if (reference?.apiVersion !== 'v1' || reference.kind !== 'Pod' || (reference.name ?? '') === '')
    throw refuse('node requested token not bound to a pod');
  if ((reference.uid ?? '') === '') throw refuse('node requested token with a pod binding without a uid');
  const { store } = context.server.options;
  const pod = store.get(storageKey(Pods, namespace, reference.name!))?.object() as Pod | undefined;
  if (pod === undefined) throw notFoundError({ group: '', resource: 'pods' }, reference.name!);
  if (pod.metadata.uid !== reference.uid)
    throw refuse(
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec.nodeName !== nodeName) throw refuse('node requested token bound to a pod scheduled on a different node');
  const audiences = review.spec.audiences ?? [];
  if (audiences.length > 1) throw refuse('node may only request 0 or 1 audiences');
  const audience = audiences[0] ?? '';
  if (namesAudience(store, pod, audience)) return;
  const verb = 'request-serviceaccounts-token-audience';
  const asked = { verb, group: '', version: 'v1', resource: audience, namespace, name };
  if (!(await isAllowed(context.server, context.user, asked)))
    throw refuse(
      `audience ${JSON.stringify(audience)} not found in pod spec volume, ${context.user.name} is not authorized to request tokens for this audience`,
    );
}
