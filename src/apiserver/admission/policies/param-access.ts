// Who writes a policy with parameters, or a binding to some, must be able to read them: what expressions see of them could be
// told by messages. As upstream's registry of these kinds.
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ValidatingAdmissionPolicy,
} from '#api/generated/types.ts';
import { forbidden, type FieldError } from '#api/field-error.ts';
import { storageKey } from '#api/kinds.ts';
import { parseGroupVersion } from '#api/policies/bindings.ts';
import type { Identity } from '#api/request.ts';
import { invalidError } from '#api/status.ts';
import { semanticEqual } from '#api/validation/fields.ts';
import { isAllowed } from '../../authorization/is-allowed.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../../context.ts';
import { MutatingAdmissionPolicies, ValidatingAdmissionPolicies } from '#api/generated/kind-references.ts';

type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;

/** As Go prints it: parsers of this text exist. */
const userText = ({ name, uid = '', groups, extra = {} }: Identity): string => {
  const extras = Object.keys(extra)
    .toSorted()
    .map((key) => `${key}:[${extra[key]!.join(' ')}]`);
  return `&{${name} ${uid} [${groups.join(' ')}] map[${extras.join(' ')}]}`;
};

interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** What could not be found out; then the right to everything is asked for. */
  readonly missing: 'version' | 'resource' | undefined;
}

function targetOf(server: Server, kind: ParamKind): Target {
  const parsed = parseGroupVersion(kind.apiVersion ?? '');
  if (parsed === undefined) return { group: '*', version: '*', resource: '*', missing: 'version' };
  const row = server.kinds.rows.find(
    (one) => one.group === parsed.group && one.version === parsed.version && one.kind === kind.kind,
  );
  return { ...parsed, resource: row?.resource ?? '*', missing: row === undefined ? 'resource' : undefined };
}

async function policyError(attributes: AdmissionAttributes, server: Server): Promise<FieldError | undefined> {
  const { paramKind } = (attributes.object as unknown as Policy).spec;
  const before = (attributes.old as Policy | undefined)?.spec.paramKind;
  if (paramKind === undefined || (before !== undefined && semanticEqual(before, paramKind))) return undefined;
  const { group, version, resource } = targetOf(server, paramKind);
  const { user } = attributes;
  const asked = { verb: 'get', group, version, resource, namespace: '*', name: '*' };
  if (await isAllowed(server, user, asked)) return undefined;
  return forbidden(
    'spec.paramKind',
    `user ${userText(user)} must have "get" permission on all objects of the referenced paramKind (kind=${paramKind.kind}, apiVersion=${paramKind.apiVersion})`,
  );
}

async function bindingError(attributes: AdmissionAttributes, server: Server): Promise<FieldError | undefined> {
  const { paramRef, policyName = '' } = (attributes.object as unknown as Binding).spec;
  const before = (attributes.old as Binding | undefined)?.spec;
  if (paramRef === undefined) return undefined;
  if (before !== undefined && before.policyName === policyName && semanticEqual(before.paramRef, paramRef))
    return undefined;
  const policies =
    attributes.row.resource === 'mutatingadmissionpolicybindings'
      ? MutatingAdmissionPolicies
      : ValidatingAdmissionPolicies;
  const stored = server.options.store.get(storageKey(policies, undefined, policyName));
  const paramKind = (stored?.object() as Policy | undefined)?.spec.paramKind;
  const target = paramKind === undefined ? undefined : targetOf(server, paramKind);
  const { user } = attributes;
  const { name = '', namespace = '' } = paramRef;
  const verb = name === '' ? 'list' : 'get';
  const { group = '*', version = '*', resource = '*' } = target ?? {};
  if (await isAllowed(server, user, { verb, group, version, resource, namespace, name })) return undefined;
  const everything = `to determine minimum required permissions and user ${userText(user)} does not have "${verb}" permission for all groups, versions and resources`;
  const text =
    stored === undefined
      ? `unable to get policy ${policyName} ${everything}`
      : target?.missing === 'version'
        ? `unable to parse paramKind &{${paramKind?.apiVersion} ${paramKind?.kind}} ${everything}`
        : target?.missing === 'resource'
          ? `unable to resolve paramKind &{${paramKind?.apiVersion} ${paramKind?.kind}} ${everything}`
          : `user ${userText(user)} does not have "${verb}" permission on the object referenced by paramRef`;
  return forbidden('spec.paramRef', text);
}

const questions: Readonly<Record<string, typeof policyError>> = {
  validatingadmissionpolicies: policyError,
  mutatingadmissionpolicies: policyError,
  validatingadmissionpolicybindings: bindingError,
  mutatingadmissionpolicybindings: bindingError,
};

export const policyParamAccess: AdmissionPlugin = {
  name: 'PolicyParamAccess',
  concerns: ({ group }) => group === 'admissionregistration.k8s.io',
  validate(attributes, server) {
    const { row, operation, subresource } = attributes;
    if (row.group !== 'admissionregistration.k8s.io' || subresource !== '') return undefined;
    const question = questions[row.resource];
    if (question === undefined || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
    if (attributes.user.groups.includes('system:masters')) return undefined;
    return question(attributes, server).then((error) => {
      if (error !== undefined) throw invalidError({ group: row.group, kind: row.kind }, attributes.name, [error]);
    });
  },
};
