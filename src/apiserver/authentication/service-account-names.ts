// The user name and groups that a service account has.

const prefix = 'system:serviceaccount:';

export const serviceAccountUser = (namespace: string, name: string): string => `${prefix}${namespace}:${name}`;

export function serviceAccountOf(userName: string): { namespace: string; name: string } | undefined {
  if (!userName.startsWith(prefix)) return undefined;
  const [namespace, name, ...more] = userName.slice(prefix.length).split(':');
  if (namespace === undefined || name === undefined || namespace === '' || name === '' || more.length > 0)
    return undefined;
  return { namespace, name };
}

export const serviceAccountGroups = (namespace: string): readonly string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
];
