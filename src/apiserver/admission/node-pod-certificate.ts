// A node asks for certificates of Pods that run on it, and of no others. Upstream's NodeRestriction; what may be a matter of time
// is an error of the server there, so that the node asks again.
import { Nodes, Pods, ServiceAccounts } from '#api/generated/kind-references.ts';
import type { Node, Pod, PodCertificateRequest, ServiceAccount } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import { ApiError, forbiddenError } from '#api/status.ts';
import type { AdmissionAttributes, Server } from '../context.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';

export function checkPodCertificate(attributes: AdmissionAttributes, nodeName: string, server: Server): void {
  const { operation, subresource, namespace, name } = attributes;
  const refuse = (text: string) =>
    forbiddenError({ group: 'certificates.k8s.io', resource: 'podcertificaterequests' }, name, text);
  if (!server.gates.isOn('PodCertificateRequest')) throw refuse('PodCertificateRequest feature gate is disabled');
  if (operation !== 'CREATE') throw refuse(`unexpected operation ${operation}`);
  if (subresource !== '') throw refuse(`unexpected subresource ${subresource}`);
  const { spec } = attributes.object as unknown as PodCertificateRequest;
  const quote = (text: string | undefined): string => JSON.stringify(text ?? '');
  const late = (text: string) => new ApiError(500, '', text);
  const find = <T extends KubernetesObject>(kind: KindReference<T>, within: string | undefined, of: string) =>
    server.options.store.get(storageKey(kind, within, of))?.object() as T | undefined;

  if (spec.nodeName !== nodeName)
    throw refuse(
      `PodCertificateRequest.Spec.NodeName=${quote(spec.nodeName)}, which is not the requesting node ${quote(nodeName)}`,
    );
  const node: Node | undefined = find(Nodes, undefined, nodeName);
  if (node === undefined)
    throw late(
      `while retrieving node ${quote(nodeName)} named in the PodCertificateRequest: node ${quote(nodeName)} not found`,
    );
  const podName = `${namespace}/${spec.podName}`;
  const about = `PodCertificateRequest for pod ${quote(podName)}`;
  if (node.metadata.uid !== spec.nodeUID)
    throw late(
      `${about} names node UID ${quote(spec.nodeUID)}, inconsistent with the running node (${quote(node.metadata.uid)})`,
    );
  const pod: Pod | undefined = find(Pods, namespace, spec.podName);
  if (pod === undefined)
    throw late(
      `while retrieving pod ${quote(podName)} named in the PodCertificateRequest: pod ${quote(spec.podName)} not found`,
    );
  if (pod.metadata.uid !== spec.podUID)
    throw late(
      `${about} contains pod UID (${quote(spec.podUID)}) which differs from running pod ${quote(pod.metadata.uid)}`,
    );
  if (pod.spec.nodeName !== nodeName)
    throw refuse(`pod ${quote(podName)} is not running on node ${quote(nodeName)} named in the PodCertificateRequest`);
  if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) throw refuse(`pod ${quote(podName)} is a mirror pod`);
  if (spec.serviceAccountName !== pod.spec.serviceAccountName)
    throw refuse(
      `${about} contains serviceAccountName (${quote(spec.serviceAccountName)}) that differs from running pod (${quote(pod.spec.serviceAccountName)})`,
    );
  const account: ServiceAccount | undefined = find(ServiceAccounts, namespace, spec.serviceAccountName);
  if (account === undefined)
    throw late(
      `while retrieving service account ${quote(`${namespace}/${spec.serviceAccountName}`)} named in the PodCertificateRequest: serviceaccount ${quote(spec.serviceAccountName)} not found`,
    );
  if (account.metadata.uid !== spec.serviceAccountUID)
    throw late(
      `${about} names service account UID ${quote(spec.serviceAccountUID)}, which differs from the running service account (${quote(account.metadata.uid)})`,
    );
}
