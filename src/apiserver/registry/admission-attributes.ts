// What admission plugins see of a request, made once for each object that it writes.
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import type { AdmissionAttributes, AdmissionOperation, GroupVersionKind, RequestContext } from '../context.ts';

export interface AdmittedPart {
  readonly operation: AdmissionOperation;
  readonly row: KindRow;
  readonly subresource: string;
  readonly subresourceKind?: GroupVersionKind | undefined;
  readonly namespace: string;
  readonly name: string;
  readonly object: Mutable<KubernetesObject> | undefined;
  readonly old: KubernetesObject | undefined;
  readonly dryRun: boolean;
  /** Of a DELETE: what the client sent, by body or query. */
  readonly deleteOptions?: Readonly<Record<string, unknown>> | undefined;
}

const optionsKinds = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' } as const;

/** Of a patch only what an update or a create knows as well. */
function optionsOf(context: RequestContext, part: AdmittedPart): Readonly<Record<string, unknown>> | undefined {
  if (part.operation === 'CONNECT') return undefined;
  const header = { kind: optionsKinds[part.operation], apiVersion: 'meta.k8s.io/v1' };
  if (part.deleteOptions !== undefined) return { ...part.deleteOptions, ...header };
  const { query } = context.request;
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const said = Object.fromEntries(
    ['fieldManager', 'fieldValidation'].flatMap((name) => {
      const value = query.get(name) ?? '';
      return value === '' ? [] : [[name, value]];
    }),
  );
  return { ...header, ...(dryRun.length === 0 ? {} : { dryRun }), ...said };
}

function requestedRow({ server, info }: RequestContext, row: KindRow): KindRow {
  const asked = info.isResource ? server.kinds.find(info.group, info.version, info.resource) : undefined;
  // What the server does on behalf of another request is a request for what it does.
  const isSame =
    asked !== undefined &&
    ((asked.group === row.group && asked.resource === row.resource) ||
      (asked.storage !== undefined && asked.storage.group === row.group && asked.storage.kind === row.kind));
  return isSame ? asked : row;
}

export function admissionAttributes(context: RequestContext, part: AdmittedPart): AdmissionAttributes {
  const { row, subresource, namespace, name, object, old, dryRun, operation, subresourceKind } = part;
  let requested: KindRow | undefined;
  return {
    operation,
    row,
    get requested() {
      return (requested ??= requestedRow(context, row));
    },
    subresourceKind,
    subresource,
    namespace,
    name,
    object,
    old,
    // Only webhooks and policies look at it.
    get options() {
      return optionsOf(context, part);
    },
    user: context.user,
    dryRun,
    warnings: context.warnings,
    reinvocation: { isReinvoked: false, isWanted: false, notes: undefined },
    signal: context.request.signal,
    onFinished: [],
    annotate(key, value) {
      context.auditAnnotations ??= new Map();
      if (!context.auditAnnotations.has(key)) context.auditAnnotations.set(key, value);
    },
    onOthers: (durationMs) => void (context.othersMs = (context.othersMs ?? 0) + durationMs),
  };
}
