// What all answers and watches of a history say together about each revision, and what contradicts itself there.
import { type History, type Operation, type Version, type WatchSession, resourceOf } from './history.ts';

export interface Fact {
  readonly key: string;
  readonly type: 'put' | 'removal';
  readonly version: Version;
  /** When somebody had certainly seen it, first. */
  readonly seenAt: number;
}

export interface Facts {
  readonly byRevision: ReadonlyMap<number, Fact>;
  /** In order of their revisions. */
  ofResource(resource: string): readonly Fact[];
  ofKey(key: string): readonly Fact[];
  /** Some watcher of the resource has seen everything from behind `from` until `to`. */
  isWatched(resource: string, from: number, to: number): boolean;
  readonly problems: readonly string[];
}

/** How far a session got: everything of the resource from behind `from` until there has been told. */
export const reached = (session: WatchSession): number => {
  const last = session.events.at(-1);
  return last === undefined ? session.from : last.type === 'BOOKMARK' ? last.revision : last.version.revision;
};

export function gatherFacts({ operations, lists, sessions }: History): Facts {
  const byRevision = new Map<number, Fact>();
  const problems: string[] = [];
  const add = (fact: Fact): void => {
    const { key, type, version } = fact;
    const known = byRevision.get(version.revision);
    if (known === undefined) byRevision.set(version.revision, fact);
    else if (known.key !== key || known.type !== type || !isEqual(known.version, version))
      problems.push(`revision ${version.revision} is ${textOf(known)} and also ${textOf(fact)}`);
    else if (fact.seenAt < known.seenAt) byRevision.set(version.revision, fact);
  };
  for (const { key, outcome, end } of operations)
    if (outcome.type === 'version') add({ key, type: 'put', version: outcome.version, seenAt: end });
  for (const { items, end } of lists)
    for (const [key, version] of items) add({ key, type: 'put', version, seenAt: end });
  for (const { listed, events, selects } of sessions) {
    for (const [key, version] of listed ?? []) add({ key, type: 'put', version, seenAt: Infinity });
    for (const event of events)
      // Who selects is told of a removal also when an object leaves the selection.
      if (event.type !== 'BOOKMARK' && (selects === undefined || event.type !== 'DELETED'))
        add({
          key: event.key,
          type: event.type === 'DELETED' ? 'removal' : 'put',
          version: event.version,
          seenAt: event.at,
        });
  }
  const ordered = [...byRevision.values()].toSorted((a, b) => a.version.revision - b.version.revision);
  const resources = Map.groupBy(ordered, ({ key }) => resourceOf(key));
  const keys = Map.groupBy(ordered, ({ key }) => key);
  const watched = Map.groupBy(
    sessions
      .filter(({ selects }) => selects === undefined)
      .map((session) => ({ resource: session.resource, from: session.from, to: reached(session) })),
    ({ resource }) => resource,
  );
  return {
    byRevision,
    problems,
    ofResource: (resource) => resources.get(resource) ?? [],
    ofKey: (key) => keys.get(key) ?? [],
    isWatched: (resource, from, to) =>
      (watched.get(resource) ?? []).some((session) => session.from <= from && session.to >= to),
  };
}

const isEqual = (a: Version, b: Version): boolean => a.value === b.value && a.uid === b.uid;
const textOf = ({ key, type, version }: Fact): string => `${type} of ${key} (${version.value}, ${version.uid})`;

/**
 * A write that nobody answered, but whose value somebody read, was done at the revision that was read, before that reader had it.
 * One that did not even get an answer of that kind stays as it is.
 */
export function resolveUnknown(operations: readonly Operation[], facts: Facts): readonly Operation[] {
  const byValue = new Map<string, Fact>();
  for (const fact of facts.byRevision.values()) if (fact.type === 'put') byValue.set(fact.version.value, fact);
  return operations.map((operation) => {
    const { action, outcome } = operation;
    if (outcome.type !== 'unknown' || !('value' in action)) return operation;
    const fact = byValue.get(action.value);
    return fact === undefined
      ? operation
      : { ...operation, outcome: { type: 'version', version: fact.version }, end: lastMoment(fact) };
  });
}

/** It is certain, so it must be placed: at the latest when it was read, or else at the very end. */
const lastMoment = ({ seenAt }: Fact): number => Math.min(seenAt, Number.MAX_SAFE_INTEGER);
