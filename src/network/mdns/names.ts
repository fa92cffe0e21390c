// Which names this node announces in its LAN: its own and those of admitted Routes, where they end in .local. Pure.
import type { Route } from '#api/generated/types.ts';

const suffix = '.local';
const namePattern = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const nameLengthMax = 253;

export const isLocalName = (name: string): boolean =>
  name.endsWith(suffix) && name.length <= nameLengthMax && namePattern.test(name);

/** A host of several Routes is one name, and stays until the last of them is gone. */
export function wantedNames(nodeName: string, routes: readonly Route[]): ReadonlySet<string> {
  const names = [nodeName, ...routes.flatMap(admittedHosts)].map((name) => name.toLowerCase());
  return new Set(names.filter(isLocalName));
}

const admittedHosts = (route: Route): string[] =>
  (route.status?.ingress ?? []).flatMap(({ host, conditions }) =>
    host !== undefined && conditions?.some((one) => one.type === 'Admitted' && one.status === 'True') === true
      ? [host]
      : [],
  );
