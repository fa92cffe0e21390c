// What a request sent, as the audit log tells it: the object as it was understood, in the version in which it came, with defaults and
// before admission, as upstream.
import { apiVersionOf } from '#api/kinds.ts';
import type { KindReference } from '#api/kind.ts';

/** For the audit log. The first value of a key stays. */
export function annotate(context: { auditAnnotations?: Map<string, string> }, key: string, value: string): void {
  context.auditAnnotations ??= new Map();
  if (!context.auditAnnotations.has(key)) context.auditAnnotations.set(key, value);
}

type SentKind = Pick<KindReference, 'group' | 'version' | 'kind'>;

export interface AuditedRequestNotes {
  onObject(kind: SentKind, object: object): void;
}

export interface KeptNotes extends AuditedRequestNotes {
  /** Of the reference to the object that was sent. */
  readonly named: { readonly name?: string; readonly uid?: string; readonly resourceVersion?: string };
  readonly object: object | undefined;
}

/** `keepsObject`: bodies are recorded. The first object counts. */
export function auditNotes(keepsObject: boolean): KeptNotes {
  let isNoted = false;
  const notes = {
    named: {},
    object: undefined as object | undefined,
    onObject(kind: SentKind, object: { readonly metadata?: KeptNotes['named'] }): void {
      if (isNoted) return;
      isNoted = true;
      const { name, uid, resourceVersion } = object.metadata ?? {};
      notes.named = { name, uid, resourceVersion };
      // Admission changes it from here on.
      if (keepsObject) notes.object = structuredClone({ ...object, kind: kind.kind, apiVersion: apiVersionOf(kind) });
    },
  };
  return notes;
}
