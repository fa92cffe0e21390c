// The ways in which somebody may be allowed to be somebody else, in the order in which they are tried: the constrained ones of
// KEP-5284 (for single verbs of the requests that follow), then the older one that allows everything at once.
import type { Identity } from '#api/request.ts';
import { dns1123Subdomain } from '#api/meta/names.ts';
import { serviceAccountOf } from '../authentication/service-account-names.ts';
import type { AccessAttributes } from '../context.ts';
import type { WantedUser } from './headers.ts';

export interface Mode {
  /** '' for the older one. */
  readonly name: string;
  appliesTo(wanted: WantedUser, requestor: Identity): boolean;
  /** The question as it is asked in this mode. */
  asked(attributes: AccessAttributes): AccessAttributes;
}

const nodePrefix = 'system:node:';

export function nodeNameOf(userName: string): string | undefined {
  if (!userName.startsWith(nodePrefix)) return undefined;
  const name = userName.slice(nodePrefix.length);
  return dns1123Subdomain(name).length === 0 ? name : undefined;
}

const isOnlyName = ({ uid, groups, extra }: WantedUser): boolean =>
  uid === '' && groups.length === 0 && extra.size === 0;
const same = (attributes: AccessAttributes): AccessAttributes => attributes;

const nodeNameKey = 'authentication.kubernetes.io/node-name';
const associatedVerb = 'impersonate:associated-node';

/** A service account whose token is bound to a node (through its Pod) may become that node, whichever it is. */
const associatedNode: Mode = {
  name: 'associated-node',
  appliesTo(wanted, requestor) {
    const nodeName = nodeNameOf(wanted.name);
    if (nodeName === undefined || !isOnlyName(wanted) || serviceAccountOf(requestor.name) === undefined) return false;
    const own = requestor.extra?.[nodeNameKey] ?? [];
    return own.length === 1 && own[0] === nodeName;
  },
  // The same answer for each Pod of the account: neither the node nor what its token says of the Pod is asked about.
  asked: (attributes) => ({
    ...attributes,
    name: attributes.verb === associatedVerb ? '*' : attributes.name,
    user: {
      ...attributes.user,
      extra: {
        'authentication.kubernetes.io/associated-node-keys': Object.keys(attributes.user.extra ?? {}).toSorted(),
      },
    },
  }),
};

export const modes: readonly Mode[] = [
  associatedNode,
  {
    name: 'arbitrary-node',
    appliesTo: (wanted) => isOnlyName(wanted) && nodeNameOf(wanted.name) !== undefined,
    asked: same,
  },
  {
    name: 'serviceaccount',
    appliesTo: (wanted) => isOnlyName(wanted) && serviceAccountOf(wanted.name) !== undefined,
    asked: same,
  },
  {
    name: 'user-info',
    appliesTo: (wanted) => nodeNameOf(wanted.name) === undefined && serviceAccountOf(wanted.name) === undefined,
    asked: same,
  },
  { name: '', appliesTo: () => true, asked: same },
];
