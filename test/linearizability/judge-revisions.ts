// The one counter of all objects: it only grows in real time, and each list is the state at its revision.
import type { Fact, Facts } from './facts.ts';
import { type History, isSelected, type List, type Operation } from './history.ts';

interface Moment {
  readonly at: number;
  /** Seen by then. */
  readonly revision: number;
  readonly what: string;
}

export function judgeRevisions(operations: readonly Operation[], history: History, facts: Facts): string[] {
  return [...judgeGrowth(operations, history), ...history.lists.flatMap((list) => judgeList(list, operations, facts))];
}

/** Whoever begins behind an answer that showed a revision must not get an older one; a write must get a newer one. */
function judgeGrowth(operations: readonly Operation[], { lists, sessions }: History): string[] {
  const moments: Moment[] = [
    ...operations.flatMap(({ key, action, outcome, end }) =>
      outcome.type === 'version'
        ? [{ at: end, revision: outcome.version.revision, what: `${action.type} of ${key}` }]
        : [],
    ),
    ...lists.map(({ resource, revision, end }) => ({ at: end, revision, what: `a list of ${resource}` })),
    ...sessions.flatMap(({ resource, events }) =>
      events.map((event) => ({
        at: event.at,
        revision: event.type === 'BOOKMARK' ? event.revision : event.version.revision,
        what: `a watch of ${resource} (${event.type})`,
      })),
    ),
  ].toSorted((a, b) => a.at - b.at);
  // The newest revision that was seen, by time.
  const newest: Moment[] = [];
  for (const moment of moments) if (moment.revision > (newest.at(-1)?.revision ?? -1)) newest.push(moment);
  const before = (at: number): Moment | undefined => newest.findLast((moment) => moment.at < at);
  const problems: string[] = [];
  for (const { key, action, outcome, call } of operations) {
    if (action.type === 'get' || outcome.type !== 'version') continue;
    const earlier = before(call);
    if (earlier !== undefined && earlier.revision >= outcome.version.revision)
      problems.push(
        `${action.type} of ${key} got revision ${outcome.version.revision}, and ${earlier.what} had shown ${earlier.revision} before it began`,
      );
  }
  for (const { resource, revision, isConsistent, call } of lists) {
    const earlier = before(call);
    if (isConsistent && earlier !== undefined && earlier.revision > revision)
      problems.push(
        `a consistent list of ${resource} is of revision ${revision}, and ${earlier.what} had shown ${earlier.revision} before it began`,
      );
  }
  return problems;
}

function judgeList(list: List, operations: readonly Operation[], facts: Facts): string[] {
  const { resource, revision, items, selects, end } = list;
  const problems: string[] = [];
  const say = (what: string): void =>
    void problems.push(`a list of ${resource} at revision ${revision} (${items.size} items) ${what}`);
  const keys = new Set([...items.keys(), ...facts.ofResource(resource).map((fact) => fact.key)]);
  for (const key of keys) {
    const last: Fact | undefined = facts.ofKey(key).findLast((fact) => fact.version.revision <= revision);
    const item = items.get(key);
    if (item !== undefined) {
      if (!isSelected(selects, item.value)) say(`has ${key}, which was not selected`);
      if (item.revision > revision) say(`has ${key} at revision ${item.revision}`);
      else if (last !== undefined && last.version.revision !== item.revision)
        say(`has ${key} at revision ${item.revision}, and at ${last.version.revision} was a ${last.type} of it`);
    } else if (last?.type === 'put' && isSelected(selects, last.version.value)) {
      // No answer says at which revision an object was removed: only a watch that saw it all can exclude that it was before.
      const mayBeGone =
        !facts.isWatched(resource, last.version.revision, revision) &&
        operations.some(
          (operation) => operation.key === key && operation.action.type === 'delete' && operation.call < end,
        );
      if (!mayBeGone) say(`lacks ${key}, which was put at revision ${last.version.revision}`);
    }
  }
  return problems;
}
