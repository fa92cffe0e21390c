// Asks for every part of the wanted user, in one mode after the other. Source of rules: k8s.io/apiserver
// pkg/endpoints/filters/impersonation.
import type { ApiError } from '#api/status.ts';
import type { Identity } from '#api/request.ts';
import { serviceAccountGroups, serviceAccountOf } from '../authentication/service-account-names.ts';
import { accessForbidden } from '../authorization/forbidden.ts';
import type { AccessAttributes, Authorizer } from '../context.ts';
import type { WantedUser } from './headers.ts';
import { modes, nodeNameOf, type Mode } from './modes.ts';

export interface Impersonated {
  readonly user: Identity;
  /** The verb that allowed it; '' for `impersonate`. */
  readonly constraint: string;
}

const mastersGroup = 'system:masters';
const authenticationGroup = 'authentication.k8s.io';
/** From so many on, the right to all of them is asked for first. */
const many = 4;

type Refusal = ApiError | undefined;

/** The mode that last succeeded for a user is tried first: most people use one. */
const lastModesOf = new WeakMap<Authorizer, Map<string, number>>();
const lastModesMax = 10_000;

function remember(lastModes: Map<string, number>, userName: string, mode: number): void {
  lastModes.delete(userName);
  if (lastModes.size >= lastModesMax) lastModes.delete(lastModes.keys().next().value!);
  lastModes.set(userName, mode);
}

/** Throws the ApiError of the first mode that refused. */
export async function impersonated(
  authorizer: Authorizer,
  wanted: WantedUser,
  request: AccessAttributes,
): Promise<Impersonated> {
  let refused: Refusal;
  let lastModes = lastModesOf.get(authorizer);
  if (lastModes === undefined) lastModesOf.set(authorizer, (lastModes = new Map()));
  const last = lastModes.get(request.user.name);
  const order = [...(last === undefined ? [] : [last]), ...modes.keys()];
  for (const [position, index] of order.entries()) {
    if (position > 0 && index === last) continue;
    const mode = modes[index]!;
    if (!mode.appliesTo(wanted, request.user)) continue;
    const result = await inMode(authorizer, mode, wanted, request);
    if ('user' in result) {
      remember(lastModes, request.user.name, index);
      return result;
    }
    refused ??= result;
  }
  throw refused!;
}

async function inMode(
  authorizer: Authorizer,
  mode: Mode,
  wanted: WantedUser,
  request: AccessAttributes,
): Promise<Impersonated | ApiError> {
  const ask = async (attributes: AccessAttributes): Promise<Refusal> => {
    const asked = mode.asked(attributes);
    const { decision, reason, error } = await authorizer.authorize(asked);
    if (decision === 'allow') return undefined;
    return accessForbidden(asked, [error ?? '', reason].filter((one) => one !== '').join(': '));
  };
  const isConstrained = mode.name !== '';
  if (isConstrained) {
    const refusal = await ask({ ...request, verb: `impersonate-on:${mode.name}:${request.verb}` });
    if (refusal !== undefined) return refusal;
  }
  const verb = isConstrained ? `impersonate:${mode.name}` : 'impersonate';
  const of = (group: string, resource: string, name: string): AccessAttributes => ({
    user: request.user,
    verb,
    isResource: true,
    group,
    version: 'v1',
    resource,
    subresource: '',
    namespace: '',
    name,
    path: '',
  });
  const namesGroup = isConstrained ? authenticationGroup : '';
  const refusal =
    (await ask(nameAttributes(wanted.name, of(namesGroup, 'users', wanted.name), isConstrained))) ??
    (wanted.uid === '' ? undefined : await ask(of(authenticationGroup, 'uids', wanted.uid))) ??
    (await groupsRefused(wanted.groups, of(namesGroup, 'groups', ''), isConstrained, ask)) ??
    (await extraRefused(wanted.extra, of(authenticationGroup, 'userextras', ''), isConstrained, ask));
  return refusal ?? { user: completed(wanted, isConstrained), constraint: isConstrained ? verb : '' };
}

type Ask = (attributes: AccessAttributes) => Promise<Refusal>;

function nameAttributes(name: string, users: AccessAttributes, isConstrained: boolean): AccessAttributes {
  const node = isConstrained ? nodeNameOf(name) : undefined;
  if (node !== undefined) return { ...users, resource: 'nodes', name: node };
  const account = serviceAccountOf(name);
  return account === undefined
    ? users
    : { ...users, resource: 'serviceaccounts', namespace: account.namespace, name: account.name };
}

async function groupsRefused(
  groups: readonly string[],
  attributes: AccessAttributes,
  isConstrained: boolean,
  ask: Ask,
): Promise<Refusal> {
  if (isConstrained) {
    if (groups.includes('')) return accessForbidden(attributes, 'impersonating the empty string group is not allowed');
    if (groups.includes(mastersGroup))
      return accessForbidden(
        { ...attributes, name: mastersGroup },
        'impersonating the system:masters group is not allowed',
      );
    if (groups.length >= many && (await ask({ ...attributes, name: '*' })) === undefined) return undefined;
  }
  for (const name of groups) {
    const refusal = await ask({ ...attributes, name });
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

async function extraRefused(
  extra: WantedUser['extra'],
  attributes: AccessAttributes,
  isConstrained: boolean,
  ask: Ask,
): Promise<Refusal> {
  if (isConstrained) {
    const problem = extraProblem(extra);
    if (problem !== undefined) return accessForbidden(attributes, problem);
    const isLarge = [...extra.values()].reduce((sum, values) => sum + values.length, 0) >= many;
    if (isLarge && (await ask({ ...attributes, subresource: '*', name: '*' })) === undefined) return undefined;
  }
  for (const [subresource, values] of extra)
    for (const name of values) {
      const refusal = await ask({ ...attributes, subresource, name });
      if (refusal !== undefined) return refusal;
    }
  return undefined;
}

const domainPrefixedPath =
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;

function extraProblem(extra: WantedUser['extra']): string | undefined {
  for (const [key, values] of extra) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed';
    if (!domainPrefixedPath.test(key))
      return `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${JSON.stringify(key)}: must be a domain-prefixed path (such as "acme.io/foo")`;
    if (values.length === 0) return 'impersonating empty values in extra is not allowed';
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  }
  return undefined;
}

/** Groups that nobody names and that come with the name. */
function completed(wanted: WantedUser, isConstrained: boolean): Identity {
  const account = serviceAccountOf(wanted.name);
  let groups = [...wanted.groups];
  if (groups.length === 0 && account !== undefined) groups = [...serviceAccountGroups(account.namespace)];
  else if (isConstrained && nodeNameOf(wanted.name) !== undefined) groups = ['system:nodes'];
  const own = wanted.name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  if (!groups.includes(own) && !groups.includes('system:unauthenticated')) groups.push(own);
  return {
    name: wanted.name,
    groups,
    ...(wanted.uid === '' ? {} : { uid: wanted.uid }),
    ...(wanted.extra.size === 0 ? {} : { extra: Object.fromEntries(wanted.extra) }),
  };
}
