// A watch and a list are two ways to the same state: what a watcher has when it gets to the revision of a list is that list.
import { reached } from './facts.ts';
import { type Half, type History, isSelected, type List, type Version, type WatchSession } from './history.ts';

export function judgeStates({ lists, sessions }: History): string[] {
  const byResource = Map.groupBy(
    lists.toSorted((a, b) => a.revision - b.revision),
    ({ resource }) => resource,
  );
  const problems: string[] = [];
  for (const [watcher, own] of Map.groupBy(sessions, (session) => session.watcher)) {
    let state = new Map<string, Version>();
    for (const session of own) {
      if (session.listed !== undefined) state = new Map(session.listed);
      for (const text of judgeSession(session, state, byResource.get(session.resource) ?? []))
        problems.push(`watcher ${watcher} of ${session.resource} from ${session.from}: ${text}`);
    }
  }
  return problems;
}

/** Changes `state`, which the next session of the watcher goes on from. */
function judgeSession(session: WatchSession, state: Map<string, Version>, lists: readonly List[]): string[] {
  const until = reached(session);
  const { selects } = session;
  const due = lists.filter(
    (list) =>
      list.revision >= session.from &&
      list.revision <= until &&
      (list.selects === undefined || list.selects === selects),
  );
  const problems: string[] = [];
  const compareUntil = (revision: number): void => {
    while (due.length > 0 && due[0]!.revision < revision) {
      const text = difference(state, due[0]!, selects);
      if (text !== undefined) problems.push(text);
      due.shift();
    }
  };
  for (const event of session.events) {
    if (event.type === 'BOOKMARK') continue;
    compareUntil(event.version.revision);
    if (event.type === 'DELETED') state.delete(event.key);
    else state.set(event.key, event.version);
  }
  compareUntil(Infinity);
  return problems;
}

function difference(
  state: ReadonlyMap<string, Version>,
  { items, revision }: List,
  selects: Half | undefined,
): string | undefined {
  for (const key of new Set([...state.keys(), ...items.keys()])) {
    const item = items.get(key);
    const listed = item !== undefined && isSelected(selects, item.value) ? item.revision : undefined;
    const told = state.get(key)?.revision;
    if (told !== listed)
      return `at ${revision} it has ${key} ${textOf(told)}, and a list of that revision has it ${textOf(listed)}`;
  }
  return undefined;
}
const textOf = (revision: number | undefined): string => (revision === undefined ? 'not' : `at ${revision}`);
