// Cases of validation, defaulting and updates, a JSON file a kind below observed/: what is sent, and what upstream's API server
// answered. The same steps run against this project's server (observed.test.ts) and against a peer (record.ts).

/** JSON of any shape. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface Case {
  readonly name: string;
  /** Default: a creation. `update`: PUT of the changed base; anything else is a subresource, which is PUT. */
  readonly at?: string | undefined;
  /** Of `bases`; default: the first. */
  readonly base?: string | undefined;
  /** Path -> value, as `spec.rules[0].host` or `metadata.annotations[example.com/a]`; null removes. */
  readonly set: Readonly<Record<string, Json>>;
  readonly answer?: Answer | undefined;
  /** Why this project answers otherwise; the test fails when it does not any more. */
  readonly differs?: string | undefined;
}

export interface Answer {
  readonly code: number;
  /** Of a refusal. */
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly causes?: readonly (readonly [reason: string, field: string, message: string])[] | undefined;
  /** Of what was accepted: the object without what differs from run to run. */
  readonly object?: Json;
  readonly warnings?: readonly string[] | undefined;
}

export interface KindCases {
  /** Absent: a server as it is by default. `everything`: with all versions, and all gates of features that are not finished. */
  readonly server?: 'everything' | undefined;
  /** The collection's path. */
  readonly path: string;
  readonly bases: Readonly<Record<string, Json>>;
  readonly cases: readonly Case[];
}

export interface Received {
  readonly status: number;
  readonly json: Json;
  readonly warnings: readonly string[];
}
export type Send = (method: string, path: string, body?: unknown) => Promise<Received>;

/** `{"$repeat": ["a", 300]}` is a long text, `{"$fill": [value, 9]}` a long list; `#` in texts of it is the position. */
function expanded(value: Json): Json {
  if (Array.isArray(value)) return value.map(expanded);
  if (typeof value !== 'object' || value === null) return value;
  if ('$repeat' in value) return String(value.$repeat[0]).repeat(value.$repeat[1]);
  if ('$fill' in value)
    return Array.from({ length: value.$fill[1] }, (_, index) =>
      expanded(JSON.parse(JSON.stringify(value.$fill[0]).replaceAll('#', String(index)))),
    );
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expanded(one)]));
}

const stepsOf = (path: string): (string | number)[] =>
  [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, inner, outer]) =>
    inner !== undefined && /^\d+$/.test(inner) ? Number(inner) : (inner ?? outer!),
  );

/** A copy with the paths set. */
export function changed(object: Json, set: Case['set']): Json {
  const result = expanded(structuredClone(object));
  for (const [path, value] of Object.entries(set)) {
    const steps = stepsOf(path);
    let at = result;
    steps.slice(0, -1).forEach((step, index) => {
      at[step] ??= typeof steps[index + 1] === 'number' ? [] : {};
      at = at[step];
    });
    const last = steps.at(-1)!;
    if (value !== null) at[last] = expanded(value);
    else if (Array.isArray(at)) at.splice(Number(last), 1);
    else delete at[last];
  }
  return result;
}

const changing = new Set(['uid', 'creationTimestamp', 'resourceVersion', 'managedFields', 'deletionTimestamp', 'name']);

/** Without what differs from run to run; after an update also without status, which controllers write meanwhile. */
function normalised(object: Json, previous: Json, at: string | undefined): Json {
  const { metadata, ...rest } = structuredClone(object);
  if (at === 'update') delete rest.status;
  // Controllers put finalizers on what is there.
  if (at !== undefined) delete metadata.finalizers;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !changing.has(key)));
  if (previous !== undefined && kept['generation'] !== undefined)
    kept['generation'] = `+${Number(kept['generation']) - Number(previous.metadata.generation ?? 0)}`;
  return { ...rest, metadata: kept };
}

/** Uids are in labels and messages too. Addresses and ports of Services come by chance. */
const withoutUids = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
      .replaceAll(/\b10\.96\.\d+\.\d+\b(?!\/)/g, 'ADDRESS')
      .replaceAll(/"(nodePort|healthCheckNodePort)":\d+/g, '"$1":"PORT"'),
  ) as T;

function answerOf(received: Received, previous: Json, at: string | undefined): Answer {
  return withoutUids(rawAnswerOf(received, previous, at));
}

function rawAnswerOf({ status, json, warnings }: Received, previous: Json, at: string | undefined): Answer {
  const said = warnings.filter((one) => !one.includes('is stored but not implemented yet'));
  const more = said.length === 0 ? {} : { warnings: said };
  if (status < 300) return { code: status, object: normalised(json, previous, at), ...more };
  const causes = (json?.details?.causes ?? []).map((one: Json) => [one.reason, one.field ?? '', one.message ?? '']);
  return {
    code: status,
    reason: json?.reason ?? '',
    ...(causes.length === 0 ? { message: json?.message ?? '' } : { causes }),
    ...more,
  };
}

/** Runs them in order; bases are made when an update needs them, and all are removed at the end. */
export async function answersOf(kind: KindCases, send: Send): Promise<Answer[]> {
  const made = new Map<string, string>();
  const answers: Answer[] = [];
  for (const { name, at, base = Object.keys(kind.bases)[0]!, set } of kind.cases) {
    const original = kind.bases[base];
    if (at === undefined) {
      answers.push(answerOf(await send('POST', `${kind.path}?dryRun=All`, changed(original, set)), undefined, at));
      continue;
    }
    let path = made.get(base);
    if (path === undefined) {
      const created = await send('POST', kind.path, changed(original, {}));
      if (created.status >= 300) throw new Error(`${name}: base ${base}: ${JSON.stringify(created.json)}`);
      made.set(base, (path = `${kind.path}/${created.json.metadata.name}`));
    }
    const part = at === 'update' ? '' : `/${at}`;
    for (let attempt = 1; ; attempt++) {
      const { json: current } = await send('GET', path);
      const sent = changed(at === 'update' ? original : { ...current, status: original.status ?? current.status }, set);
      sent.metadata.resourceVersion ??= current.metadata.resourceVersion;
      const received = await send('PUT', `${path}${part}?dryRun=All`, sent);
      if (received.status === 409 && attempt < 5) continue; // a controller was first
      answers.push(answerOf(received, current, at));
      break;
    }
  }
  for (const path of made.values()) {
    await send('DELETE', path, { propagationPolicy: 'Background', gracePeriodSeconds: 0 });
    const { status, json: left } = await send('GET', path);
    if (status !== 200 || (left.metadata.finalizers ?? []).length === 0) continue;
    delete left.metadata.finalizers;
    await send('PUT', path, left);
  }
  return answers;
}

/** Key order says nothing, and what Go writes as null is an empty list or nothing here (schema/canonical.ts). */
export function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .filter((key) => value[key] !== null && !(Array.isArray(value[key]) && value[key].length === 0))
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}
