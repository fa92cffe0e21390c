// What of an answer is compared: code, reason, causes as (field, reason), and the body without what no two servers can have in
// common (uids, revisions, times, allocated addresses and ports).
import { createHash } from 'node:crypto';
import type { Json } from '#kit/start-api-server.ts';
import { withoutControllersWork, withoutRepeated } from './controllers-work.ts';
import type { RawAnswer } from './servers.ts';
import type { Step } from './step.ts';

export interface Outcome {
  readonly code: number;
  readonly reason: string;
  /** `reason field`, sorted. */
  readonly causes: readonly string[];
  readonly message: string;
  readonly warnings: readonly string[];
  /** Normalised; of failures nothing. */
  readonly body: Json;
}

const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const times = new Set(['creationTimestamp', 'deletionTimestamp', 'lastTransitionTime']);
const masked = new Map<string, string>([
  ['uid', '<uid>'],
  ['resourceVersion', '<rv>'],
  ['continue', '<continue>'],
  ['selfLink', '<link>'],
]);
/** Who writes beside the client on a peer whose controllers run. */
const controllers = /^kube-(controller-manager|scheduler)$/;

function allocated(key: string, value: unknown): unknown {
  // A dry run of upstream's shows numbers a little beyond its range.
  if (key === 'nodePort' || key === 'healthCheckNodePort')
    return typeof value === 'number' && value >= 30_000 && value <= 32_800 ? '<port>' : value;
  if (key === 'clusterIP') return typeof value === 'string' && value.startsWith('10.96.') ? '<ip>' : value;
  if (key === 'clusterIPs' && Array.isArray(value))
    return value.map((one) => (typeof one === 'string' && one.startsWith('10.96.') ? '<ip>' : one));
  return undefined;
}

function normalised(value: unknown, key: string): Json {
  const replaced = allocated(key, value);
  if (replaced !== undefined) return replaced;
  if (Array.isArray(value)) {
    // Which updaters are joined when there are too many depends on the second in which each wrote.
    if (key === 'managedFields' && value.some((one) => one?.manager === 'ancient-changes')) return '<joined>';
    const list = key === 'managedFields' ? value.filter((one) => !controllers.test(one?.manager ?? '')) : value;
    const result = list.map((one) => normalised(one, ''));
    // Entries of the same operation are ordered by their times, which are two servers' own.
    if (key === 'managedFields') {
      for (const one of result) delete one?.time;
      result.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    }
    return result;
  }
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, one]) => [name, normalised(one, name)]),
    );
  if (typeof value !== 'string') return value;
  if (times.has(key) && value !== '') return '<time>';
  const mask = masked.get(key);
  if (mask !== undefined && value !== '' && !(key === 'resourceVersion' && value === '0')) return mask;
  return normaliseText(value);
}

export const normaliseText = (text: string): string =>
  text
    .replaceAll(uuidPattern, '<uid>')
    .replaceAll(/\bkube-api-access-[a-z0-9]{5}\b/g, 'kube-api-access-<suffix>')
    .replaceAll(/\b(diff-gen-|Bad_)[a-z0-9]{5}\b/g, '$1<suffix>')
    .replaceAll(/\b20(2[5-9]|3\d)-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, (time) =>
      time.startsWith('2026-01-0') ? time : '<time>',
    )
    .replaceAll(/(ResourceVersion in (?:precondition|record)[^(]*\()\d+/gi, '$1<rv>')
    .replaceAll(/(resource version: )\d+( \(\d+\))?(, current: \d+)?/gi, '$1<rv>');

/** Addresses and ports of Services. */
const normalisedCell = (cell: unknown): unknown =>
  typeof cell === 'string'
    ? cell.replaceAll(/\b10\.96\.\d+\.\d+\b/g, '<ip>').replaceAll(/(\d+):3\d{4}\/(TCP|UDP|SCTP)/g, '$1:<port>/$2')
    : cell;

/** Cells that count time. `ages`: which they are, told by the first event of a watch to those after it. */
const withoutAges = (body: Json, ages: Set<number>): Json => {
  if (body?.kind !== 'Table') return body;
  for (const [index, column] of (body.columnDefinitions ?? []).entries())
    if (['Age', 'Last Seen', 'First Seen', 'Created At', 'Duration'].includes(column.name)) ages.add(index);
  // Addresses have an age for which there is no column.
  if ((body.columnDefinitions ?? []).length > 0) ages.add(body.columnDefinitions.length);
  for (const row of body.rows ?? [])
    row.cells = row.cells?.map((cell: unknown, index: number) => (ages.has(index) ? '<age>' : normalisedCell(cell)));
  // What a column means is told in words of one's own.
  for (const column of body.columnDefinitions ?? []) delete column.description;
  return body;
};

/** Rules come in the order of a map there, and so does the one of several bindings that is named as the reason. */
const withoutChance = (body: Json): Json => {
  const status = body?.status;
  if (body?.kind === 'SelfSubjectRulesReview')
    for (const name of ['resourceRules', 'nonResourceRules'])
      status?.[name]?.sort((a: Json, b: Json) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (String(body?.kind).endsWith('AccessReview') && typeof status?.reason === 'string')
    status.reason = status.reason.replace(/(allowed by )(Cluster)?RoleBinding .*/, '$1<binding>');
  return body;
};

const bodyOf = (json: Json, ages = new Set<number>()): Json =>
  withoutChance(withoutAges(normalised(withoutControllersWork(json), ''), ages));

/** Objects of a collection are deleted side by side: who is named first is chance. */
function inOrderOfNames(step: Step, body: Json): Json {
  if (step.id.startsWith('delete-collection/') && Array.isArray(body?.items))
    body.items.sort((a: Json, b: Json) => (a.metadata?.name < b.metadata?.name ? -1 : 1));
  return body;
}

export function outcomeOf(step: Step, answer: RawAnswer): Outcome {
  const warnings = answer.warnings.map(normaliseText);
  if (answer.events !== undefined) {
    if (step.bodyIgnored === true)
      return { code: answer.code, reason: '', causes: [], message: '', warnings, body: undefined };
    const ages = new Set<number>();
    const events = answer.events
      .filter((one) => one.type !== 'BOOKMARK' || one.object?.metadata?.annotations !== undefined)
      .map((one) => ({ type: one.type, object: bodyOf(one.object, ages) }));
    return { code: answer.code, reason: '', causes: [], message: '', warnings, body: withoutRepeated(events) };
  }
  let json: Json;
  try {
    json = JSON.parse(answer.text) as Json;
  } catch {
    json = undefined;
  }
  if (json?.kind === 'Status' && answer.code >= 300) {
    const causes = (json.details?.causes ?? []).map((one: Json) => `${one.reason ?? ''} ${one.field ?? ''}`.trim());
    return {
      code: answer.code,
      reason: json.reason ?? '',
      causes: [...new Set<string>(causes)].toSorted(),
      message: normaliseText(json.message ?? ''),
      warnings,
      body: undefined,
    };
  }
  const body = step.bodyIgnored === true || json === undefined ? undefined : inOrderOfNames(step, bodyOf(json));
  const message = json === undefined && answer.code >= 300 ? normaliseText(answer.text.trim()) : '';
  return { code: answer.code, reason: '', causes: [], message, warnings, body };
}

export const hashOf = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('base64url')
    .slice(0, 8);
