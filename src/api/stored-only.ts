// Kinds whose objects are stored and served while nothing acts on them yet. Whoever writes one is told so by a Warning header:
// silence would look like an admission webhook that admits, or a policy that holds. A row goes when its part comes.
import type { KindReference } from './kind.ts';

const rows: Readonly<Record<string, string>> = {
  'security.openshift.io/securitycontextconstraints': 'Pods are not checked against it',
};

/** The Warning texts for writers of this kind; none for kinds that are acted on. */
export function storedOnlyWarnings(row: Pick<KindReference, 'group' | 'resource' | 'kind'>): readonly string[] {
  const consequence = rows[`${row.group}/${row.resource}`];
  return consequence === undefined ? [] : [`${row.kind} is stored but not implemented yet: ${consequence}`];
}

/** For the test that every row names a kind. */
export const storedOnlyKinds: readonly string[] = Object.keys(rows);
