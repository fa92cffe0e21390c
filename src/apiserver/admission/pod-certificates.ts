// Trust bundles of a signer are written by those who may attest for it, and certificates of Pods are issued by those who may sign
// for it. Upstream's ClusterTrustBundleAttest, and the status strategy of PodCertificateRequests.
import type { ClusterTrustBundleCertificatesV1beta1, PodCertificateRequest } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { forbidden } from '#api/field-error.ts';
import { forbiddenError, invalidError } from '#api/status.ts';
import { semanticEqual } from '#api/validation/fields.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { mayForSigner } from './certificates.ts';
import { isResource, only } from './operations.ts';
import { refusedName } from './refused-name.ts';

const group = 'certificates.k8s.io';
const bundles = 'clustertrustbundles';
const requests = 'podcertificaterequests';

/** Nothing but what the garbage collector writes. */
function isOnlyCollected(object: KubernetesObject, old: KubernetesObject): boolean {
  const rest = ({ metadata, ...more }: KubernetesObject) => {
    const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, ...kept } = metadata;
    return { ...more, metadata: kept };
  };
  return semanticEqual(rest(object), rest(old));
}

async function checkBundle(attributes: AdmissionAttributes, server: Server): Promise<void> {
  const object = attributes.object as unknown as ClusterTrustBundleCertificatesV1beta1;
  const signer = object.spec?.signerName ?? '';
  if (signer === '' || (attributes.old !== undefined && isOnlyCollected(object, attributes.old))) return;
  if (!(await mayForSigner(attributes, server, 'attest', signer)))
    throw forbiddenError(
      { group, resource: bundles },
      refusedName(attributes.name, attributes.object),
      `user not permitted to attest for signerName ${JSON.stringify(signer)}`,
    );
}

async function checkIssue(attributes: AdmissionAttributes, server: Server): Promise<void> {
  const [object, old] = [attributes.object, attributes.old] as unknown as PodCertificateRequest[];
  if (semanticEqual(object!.status, old!.status)) return;
  const signer = old!.spec.signerName;
  if (!(await mayForSigner(attributes, server, 'sign', signer)))
    throw invalidError({ group, kind: 'PodCertificateRequest' }, attributes.name, [
      forbidden(
        'spec.signerName',
        `User ${JSON.stringify(attributes.user.name)} is not permitted to "sign" for signer ${JSON.stringify(signer)}`,
      ),
    ]);
}

function validate(attributes: AdmissionAttributes, server: Server): void | Promise<void> {
  const { operation, subresource } = attributes;
  if (operation === 'DELETE' || operation === 'CONNECT') return;
  if (isResource(attributes, group, bundles)) return checkBundle(attributes, server);
  if (operation === 'UPDATE' && subresource === 'status' && isResource(attributes, group, requests))
    return checkIssue(attributes, server);
}

export const podCertificates: AdmissionPlugin = {
  name: 'PodCertificates',
  concerns: only('clustertrustbundles.certificates.k8s.io', 'podcertificaterequests.certificates.k8s.io'),
  validate,
};
