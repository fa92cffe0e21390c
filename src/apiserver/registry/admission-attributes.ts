// What admission plugins see of a request, made once for each object that it writes.
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import type { Identity } from '#api/request.ts';
import { annotate } from '../audit/notes.ts';
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

function requestedRow({ row: asked }: RequestContext, row: KindRow): KindRow {
  // What the server does on behalf of another request is a request for what it does.
  const isSame =
    asked !== undefined &&
    ((asked.group === row.group && asked.resource === row.resource) ||
      (asked.storage !== undefined && asked.storage.group === row.group && asked.storage.kind === row.kind));
  return isSame ? asked : row;
}

/** A class for what is made when it is asked for: accessors in an object literal would cost a hidden class a request. */
class RequestAttributes implements AdmissionAttributes {
  readonly operation: AdmissionOperation;
  readonly row: KindRow;
  readonly subresourceKind: GroupVersionKind | undefined;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly object: Mutable<KubernetesObject> | undefined;
  readonly old: KubernetesObject | undefined;
  readonly dryRun: boolean;
  readonly reinvocation: AdmissionAttributes['reinvocation'] = {
    isReinvoked: false,
    isWanted: false,
    notes: undefined,
  };
  readonly onFinished: (() => void)[] = [];
  readonly #context: RequestContext;
  readonly #part: AdmittedPart;
  #requested: KindRow | undefined;

  constructor(context: RequestContext, part: AdmittedPart) {
    this.#context = context;
    this.#part = part;
    this.operation = part.operation;
    this.row = part.row;
    this.subresourceKind = part.subresourceKind;
    this.subresource = part.subresource;
    this.namespace = part.namespace;
    this.name = part.name;
    this.object = part.object;
    this.old = part.old;
    this.dryRun = part.dryRun;
  }
  get requested(): KindRow {
    return (this.#requested ??= requestedRow(this.#context, this.row));
  }
  /** Only webhooks and policies look at it. */
  get options(): Readonly<Record<string, unknown>> | undefined {
    return optionsOf(this.#context, this.#part);
  }
  get user(): Identity {
    return this.#context.user;
  }
  get warnings(): string[] {
    return this.#context.warnings;
  }
  get signal(): AbortSignal {
    return this.#context.request.signal;
  }
  annotate(key: string, value: string): void {
    annotate(this.#context, key, value);
  }
  onOthers(durationMs: number): void {
    this.#context.othersMs = (this.#context.othersMs ?? 0) + durationMs;
  }
}

export const admissionAttributes = (context: RequestContext, part: AdmittedPart): AdmissionAttributes =>
  new RequestAttributes(context, part);
