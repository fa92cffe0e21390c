// Certificate signing requests say truly who made them, and are approved and signed only by those who may for the signer.
// Rules of upstream's plugin/pkg/admission/certificates.
// and subjectrestriction.
import type { CertificateSigningRequest } from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import { forbiddenError } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import { readCertificateRequest } from '#pki/certificate-request.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { sameValue } from '../registry/same-object.ts';
import { isCreate, isResource, only } from './operations.ts';
import { isAllowed } from '../authorization/is-allowed.ts';

const group = 'certificates.k8s.io';
const resource = 'certificatesigningrequests';
const clientSigner = 'kubernetes.io/kube-apiserver-client';

function mutate(attributes: AdmissionAttributes): void {
  if (!isCreate(attributes, group, resource)) return;
  const { user } = attributes;
  const { spec } = attributes.object as Mutable<CertificateSigningRequest>;
  spec.username = user.name;
  if (user.uid === undefined) delete spec.uid;
  else spec.uid = user.uid;
  spec.groups = [...user.groups];
  if (user.extra === undefined) delete spec.extra;
  else spec.extra = Object.fromEntries(Object.entries(user.extra).map(([name, values]) => [name, [...values]]));
}

/** The verb on the signer itself, or on all signers of its domain. */
export async function mayForSigner(
  attributes: AdmissionAttributes,
  server: Server,
  verb: string,
  signerName: string,
): Promise<boolean> {
  for (const name of [signerName, `${signerName.split('/')[0]}/*`])
    if (await isAllowed(server, attributes.user, { verb, group, resource: 'signers', name })) return true;
  return false;
}

/** Upstream's CertificateSubjectRestriction: nobody becomes an administrator by a certificate that somebody approves. */
function restrictSubject({ name, object }: AdmissionAttributes): void {
  const { spec } = object as unknown as CertificateSigningRequest;
  if (spec.signerName !== clientSigner) return;
  let organizations: readonly string[];
  try {
    ({ organizations } = readCertificateRequest(Buffer.from(spec.request, 'base64').toString('latin1')));
  } catch (error) {
    throw forbiddenError({ group, resource }, name, `failed to parse CSR: ${messageOf(error)}`);
  }
  if (organizations.includes('system:masters'))
    throw forbiddenError(
      { group, resource },
      name,
      `use of ${clientSigner} signer with system:masters group is not allowed`,
    );
}

function validate(attributes: AdmissionAttributes, server: Server): void | Promise<void> {
  if (isCreate(attributes, group, resource)) return restrictSubject(attributes);
  if (attributes.operation !== 'UPDATE' || !isResource(attributes, group, resource)) return;
  return checkDecision(attributes, server);
}

async function checkDecision(attributes: AdmissionAttributes, server: Server): Promise<void> {
  const request = attributes.object as unknown as CertificateSigningRequest;
  const old = attributes.old as CertificateSigningRequest;
  const isSigning =
    attributes.subresource === 'status' &&
    (!sameValue(request.status?.certificate, old.status?.certificate) ||
      !sameValue(request.status?.conditions, old.status?.conditions));
  const verb = attributes.subresource === 'approval' ? 'approve' : isSigning ? 'sign' : undefined;
  if (verb === undefined) return;
  const signerName = old.spec.signerName;
  if (!(await mayForSigner(attributes, server, verb, signerName)))
    throw forbiddenError(
      { group, resource },
      attributes.name,
      `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
    );
}

export const certificateRequests: AdmissionPlugin = {
  name: 'CertificateRequests',
  concerns: only('certificatesigningrequests.certificates.k8s.io'),
  mutate,
  validate,
};
