// What controllers write into an object's status between two requests is not compared, for they write at another moment here, or
// not at all: of the kinds below the fields that only a controller owns are taken out on both sides, and with them what says
// nothing in status, for that is what is left of a field nobody has written yet.
import type { Json } from '#kit/start-api-server.ts';

/** Paths of kinds that a server's own controllers act on after a write, and when that is done with certainty. */
export const actsLater = (method: string, path: string): number => {
  if (
    method === 'GET' ||
    !/\/(customresourcedefinitions|apiservices|flowschemas|validatingadmissionpolicies)\b/.test(path)
  )
    return 0;
  return method === 'DELETE' ? 200 : 30;
};

/** By kind: the manager under whose name the controller writes. */
const writers = new Map<string, RegExp>([
  // Says whether the priority level is there.
  ['FlowSchema', /^api-priority-and-fairness-config-consumer-v1$/],
  // Accepts names, establishes, and brings instances away.
  ['CustomResourceDefinition', /^kube-apiserver$/],
  // Checks types.
  ['ValidatingAdmissionPolicy', /^(kube-controller-manager|validatingadmissionpolicy-status)$/],
  // Counts Pods.
  ['ReplicationController', /^kube-controller-manager$/],
]);

/** The member of an object or list that an element of `fieldsV1` names. */
function memberOf(value: Json, element: string): string | number | undefined {
  if (element.startsWith('f:')) return element.slice(2);
  if (!Array.isArray(value)) return undefined;
  const wanted: unknown = JSON.parse(element.slice(2));
  const found = value.findIndex((one) =>
    element.startsWith('k:')
      ? Object.entries(wanted as object).every(([key, part]) => one?.[key] === part)
      : one === wanted,
  );
  return found < 0 ? undefined : found;
}

function takeOut(value: Json, fields: Json, others: readonly Json[]): void {
  if (value === null || typeof value !== 'object') return;
  for (const [element, below] of Object.entries(fields as Record<string, Json>)) {
    if (element === '.') continue;
    const member = memberOf(value, element);
    if (member === undefined || value[member] === undefined) continue;
    const shared = others.map((one) => one?.[element]).filter((one) => one !== undefined);
    if (Object.keys(below).some((one) => one !== '.')) takeOut(value[member], below, shared);
    const isLeft = shared.length > 0 || (typeof value[member] === 'object' && !saysNothing(value[member], below));
    if (isLeft) continue;
    if (Array.isArray(value)) value.splice(member as number, 1);
    else delete value[member];
  }
}

/** A leaf that the controller owns, or a container of which nothing is left but what names it. */
function saysNothing(value: Json, below: Json): boolean {
  const names = Object.keys(below).filter((one) => one !== '.');
  if (names.length === 0) return true;
  return value === null || Object.keys(value).length === 0;
}

function withoutEmpty(value: Json): Json {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((one) => withoutEmpty(one) ?? one);
  if (value === null || value === '') return undefined;
  if (typeof value !== 'object') return value;
  const kept = Object.entries(value as Record<string, Json>)
    .map(([name, one]) => [name, withoutEmpty(one)] as const)
    .filter(([, one]) => one !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function cleaned(object: Json, kind: string): void {
  const writer = writers.get(kind);
  if (writer === undefined || object?.metadata === undefined) return;
  const entries: readonly Json[] = Array.isArray(object.metadata.managedFields) ? object.metadata.managedFields : [];
  const isWriter = (one: Json): boolean => one?.subresource === 'status' && writer.test(one?.manager ?? '');
  const others = entries.filter((one) => !isWriter(one));
  for (const one of entries.filter(isWriter))
    takeOut(
      object,
      one.fieldsV1 ?? {},
      others.map((other) => other?.fieldsV1),
    );
  if (entries.length > 0) object.metadata.managedFields = others;
  const status = withoutEmpty(object.status);
  if (status === undefined) delete object.status;
  else object.status = status;
}

/** Changes what was parsed for this: an object, or a list of them. */
export function withoutControllersWork(body: Json): Json {
  const kind: string = body?.kind ?? '';
  if (kind.endsWith('List') && Array.isArray(body.items))
    for (const item of body.items) cleaned(item, kind.slice(0, -'List'.length));
  else cleaned(body, kind);
  return body;
}

/** A change of which nothing is left is none. */
export function withoutRepeated(events: readonly Json[]): Json[] {
  const last = new Map<string, string>();
  return events.filter(({ type, object }) => {
    const name = `${object?.kind} ${object?.metadata?.name}`;
    const text = JSON.stringify(object);
    const isRepeated = type === 'MODIFIED' && writers.has(object?.kind) && last.get(name) === text;
    last.set(name, text);
    return !isRepeated;
  });
}
