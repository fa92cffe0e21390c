// CertificateSigningRequest: who asks is taken from the request; approval and certificate have subresources of their own.
import { duplicate, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { CertificateSigningRequest } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsPathSegment } from '../../meta/names.ts';
import { formatTime } from '../../meta/time.ts';
import { immutable, isAbsent, semanticEqual } from '../../validation/fields.ts';

const usages = [
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
];

function validate({ spec }: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const pem = Buffer.from(spec.request ?? '', 'base64').toString('latin1');
  if (!/-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(pem))
    errors.push(invalid('spec.request', spec.request ?? '', 'PEM block type must be CERTIFICATE REQUEST'));
  if ((spec.usages?.length ?? 0) === 0) errors.push(required('spec.usages'));
  for (const [index, usage] of (spec.usages ?? []).entries()) {
    if (!usages.includes(usage)) errors.push(notSupported(`spec.usages[${index}]`, usage, usages));
    if (spec.usages!.indexOf(usage) < index) errors.push(duplicate(`spec.usages[${index}]`, usage));
  }
  const signer = spec.signerName ?? '';
  if (signer === '') errors.push(required('spec.signerName'));
  else if (signer === 'kubernetes.io/legacy-unknown')
    errors.push(invalid('spec.signerName', signer, 'the legacy signerName is not allowed via this API version'));
  else if (!/^[^/]+\/.+$/.test(signer) || !/.\../s.test(signer.slice(0, signer.indexOf('/'))))
    errors.push(
      invalid(
        'spec.signerName',
        signer,
        'must be a fully qualified domain and path of the form "example.com/signer-name"',
      ),
    );
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < 600)
    errors.push(
      invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 600 seconds (10 minutes)'),
    );
  return errors;
}

const decisions = ['Approved', 'Denied'];
/** They say that something is so, or are not there. */
const onlyTrue = [...decisions, 'Failed'];
const states = ['False', 'True', 'Unknown'];

const typesOf = ({ status }: CertificateSigningRequest): string[] =>
  (status?.conditions ?? []).map((one) => one.type ?? '');
const hasTwice = (types: readonly string[]): boolean => new Set(types).size < types.length;

/** What was there before may stay. */
function conditionErrors(object: CertificateSigningRequest, previous: CertificateSigningRequest): FieldError[] {
  const before = typesOf(previous);
  const seen = new Set<string>();
  return (object.status?.conditions ?? []).flatMap(({ type, status }, index) => {
    const at = `status.conditions[${index}]`;
    const errors: FieldError[] = [];
    if (type === '' && !before.includes('')) errors.push(required(`${at}.type`));
    const allowed = onlyTrue.includes(type) ? ['True'] : states;
    if (isAbsent(status)) errors.push(required(`${at}.status`));
    else if (!allowed.includes(status)) errors.push(notSupported(`${at}.status`, status, allowed));
    if (seen.has(type) && !hasTwice(before)) errors.push(duplicate(`${at}.type`, type));
    seen.add(type);
    return errors;
  });
}
const decided = ({ status }: CertificateSigningRequest) =>
  (status?.conditions ?? []).filter((one) => decisions.includes(one.type));

export const certificateSigningRequest: KindBehaviour<CertificateSigningRequest> = {
  // Upstream does not care what they are called, as long as it fits into a path.
  validateName: nameIsPathSegment,
  prepareForCreate(object, { userName }) {
    // Admission has put the caller's uid, groups and extra in place of what was sent.
    const { request, usages: wanted, signerName, expirationSeconds, uid, groups, extra } = object.spec;
    object.spec = { request, usages: wanted, signerName, expirationSeconds, username: userName, uid, groups, extra };
    object.status = {};
  },
  prepareForUpdate(object, previous, { subresource, now }) {
    object.spec = previous.spec as typeof object.spec;
    if (subresource === '') {
      object.status = previous.status as typeof object.status;
      return;
    }
    for (const condition of object.status?.conditions ?? []) {
      const before = previous.status?.conditions?.find((one) => one.type === condition.type);
      condition.lastUpdateTime ??= formatTime(now);
      condition.lastTransitionTime ??=
        before !== undefined && before.status === condition.status ? before.lastTransitionTime : formatTime(now);
    }
    const conditions = object.status?.conditions;
    if (subresource === 'approval') object.status = { ...(previous.status as typeof object.status), conditions };
  },
  validate,
  validateUpdate(object, previous, subresource) {
    const errors = conditionErrors(object, previous);
    const [now, before] = [decided(object), decided(previous)];
    for (const old of before)
      if (!now.some((one) => one.type === old.type))
        errors.push({
          reason: 'FieldValueForbidden',
          field: 'status.conditions',
          message: `Forbidden: updates may not remove a condition of type "${old.type}"`,
        });
    if (
      subresource !== 'approval' &&
      !semanticEqual(
        now.map((one) => one.type),
        before.map((one) => one.type),
      )
    )
      errors.push({
        reason: 'FieldValueForbidden',
        field: 'status.conditions',
        message: `Forbidden: updates may not add a condition of type "${now.at(-1)?.type ?? ''}"`,
      });
    if (new Set(now.map((one) => one.type)).size > 1)
      errors.push(
        invalid(
          'status.conditions',
          object.status?.conditions,
          'Approved and Denied conditions are mutually exclusive',
        ),
      );
    if (!isAbsent(previous.status?.certificate))
      errors.push(...immutable('status.certificate', object.status?.certificate, previous.status?.certificate));
    return errors;
  },
  selectableFields: ({ spec }) => ({ 'spec.signerName': spec.signerName }),
};
