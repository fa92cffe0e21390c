// An object that nothing was ever written to, as a bookmark shows it: upstream converts an empty object of its own to the version
// that is served, and the conversion says some things that an object which was written never lacks.
import type { KindRow } from '#api/kind.ts';
import { nothingOf } from '#api/schema/canonical.ts';
import { typeFacts } from '#api/schema/type-table.ts';

type Node = Readonly<Record<string, unknown>>;

const scaled = { spec: { replicas: 0, selector: null } };
const converted: Readonly<Record<string, Node>> = {
  'apps/ControllerRevision': { data: null },
  'apps/DaemonSet': {
    metadata: { annotations: { 'deprecated.daemonset.template.generation': '0' } },
    spec: { selector: null },
  },
  'apps/Deployment': scaled,
  'apps/ReplicaSet': scaled,
  'apps/StatefulSet': scaled,
  'certificates.k8s.io/CertificateSigningRequest': { spec: { request: null } },
};

export function nothingOfRow(row: KindRow): { readonly metadata?: Node } & Node {
  if (row.custom !== undefined) return {};
  const nothing: Record<string, unknown> = nothingOf(typeFacts(row.typeName));
  for (const [name, said] of Object.entries(converted[`${row.group}/${row.kind}`] ?? {}))
    nothing[name] = said === null ? null : { ...(nothing[name] as Node), ...(said as Node) };
  return nothing;
}
