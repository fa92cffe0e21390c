// Each object by itself: is there an order of what was asked of it? What holds for each object holds for all together, because
// linearizability is local (Herlihy and Wing); what relates objects to each other, the revisions, is judged in judge-revisions.ts.
import { type List, type Operation, resourceOf } from './history.ts';
import { objectModel, type ObjectStep } from './object-model.ts';
import { type Interval, search } from './search.ts';
import { shrink } from './shrink.ts';

/** `operations`: with what is known of those without an answer. */
export function judgeObjects(operations: readonly Operation[], lists: readonly List[]): string[] {
  const problems: string[] = [];
  for (const [key, own] of Map.groupBy(operations, (operation) => operation.key)) {
    const reads = lists.filter((list) => list.isConsistent && list.resource === resourceOf(key));
    const entries = [...own.flatMap(intervalOf), ...reads.flatMap((list) => readOf(key, list))];
    const verdict = search(entries, objectModel);
    if (verdict.type === 'undecided') problems.push(`${key}: too many orders to try`);
    else if (verdict.type === 'impossible') problems.push(`${key}: no order is possible of\n${smallText(entries)}`);
  }
  return problems;
}

function intervalOf({ action, outcome, call, end }: Operation): Interval<ObjectStep>[] {
  // A read without an answer tells nothing.
  return action.type === 'get' && outcome.type === 'unknown' ? [] : [{ step: { action, outcome }, call, end }];
}

/** A list is a read of each object, of those too that are not in it. */
function readOf(key: string, { items, selects, call, end }: List): Interval<ObjectStep>[] {
  const version = items.get(key);
  // It may be there, and not be selected.
  if (version === undefined && selects !== undefined) return [];
  const outcome = version === undefined ? ({ type: 'missing' } as const) : ({ type: 'version', version } as const);
  return [{ step: { action: { type: 'get' }, outcome }, call, end }];
}

/** Writes without an answer that are shown: the last ones. */
const unknownShownMax = 4;

/** With begins and ends. */
function smallText(all: readonly Interval<ObjectStep>[]): string {
  const { from, entries } = shrink(all);
  const unknown = entries.filter(({ end }) => end === Infinity).length;
  const hidden = Math.max(0, unknown - unknownShownMax);
  let toHide = hidden;
  return [
    ...(from === undefined ? [] : [`behind ${textOf(from)}`]),
    ...(hidden === 0 ? [] : [`and ${hidden} earlier writes without an answer, which do not explain it`]),
    ...entries.flatMap(({ step, call, end }) =>
      end === Infinity && toHide-- > 0 ? [] : [`${call}-${end === Infinity ? '' : end} ${textOf(step)}`],
    ),
  ]
    .map((line) => `    ${line}`)
    .join('\n');
}

function textOf({ action, outcome }: ObjectStep): string {
  const asked = [
    action.type,
    ...('value' in action ? [action.value] : []),
    ...('revision' in action && action.revision !== undefined ? [`of revision ${action.revision}`] : []),
  ].join(' ');
  const answered =
    outcome.type === 'version' ? `${outcome.version.value} at ${outcome.version.revision}` : outcome.type;
  return `${asked} (${answered})`;
}
