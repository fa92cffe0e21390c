// What a watch promises: events in order, each once, none left out, in types that fit what the watcher had seen; a later session goes
// on where the last one ended; a bookmark says no more than what has been told.
import { type Facts, reached } from './facts.ts';
import { type History, isSelected, type Version, type WatchSession, resourceOf } from './history.ts';

export function judgeWatches({ sessions }: History, facts: Facts): string[] {
  const problems: string[] = [];
  for (const [watcher, own] of Map.groupBy(sessions, (session) => session.watcher)) {
    let state = new Map<string, Version>();
    let until = 0;
    for (const session of own) {
      const say = (what: string): void =>
        void problems.push(`watcher ${watcher} of ${session.resource} from ${session.from}: ${what}`);
      if (session.listed !== undefined) state = new Map(session.listed);
      else if (session.from !== until) say(`it was to go on from ${until}`);
      judgeOrder(session, say);
      if (session.selects === undefined) judgeGaps(session, facts, say);
      else judgeSelection(session, state, facts, say);
      judgeTypes(session, state, say);
      until = reached(session);
    }
  }
  return problems;
}

type Say = (what: string) => void;

function judgeOrder({ from, events }: WatchSession, say: Say): void {
  let last = 0;
  let bookmark = 0;
  for (const event of events) {
    if (event.type === 'BOOKMARK') {
      if (event.revision < Math.max(last, bookmark, from))
        say(`a bookmark of ${event.revision} came behind ${Math.max(last, bookmark, from)}`);
      bookmark = Math.max(bookmark, event.revision);
      continue;
    }
    const { revision } = event.version;
    if (revision === last) say(`revision ${revision} came twice`);
    else if (revision < last) say(`revision ${revision} came behind ${last}`);
    else if (revision <= bookmark) say(`a bookmark of ${bookmark} was ahead of revision ${revision}`);
    else if (revision <= from) say(`revision ${revision} came, which is not behind the begin`);
    last = Math.max(last, revision);
  }
}

/** Changes `state`, which the next session of the watcher goes on from. */
function judgeTypes({ events, resource, selects }: WatchSession, state: Map<string, Version>, say: Say): void {
  for (const event of events) {
    if (event.type === 'BOOKMARK') continue;
    const { key, version, type } = event;
    const before = state.get(key);
    const says = `${type} of ${key} at ${version.revision}`;
    if (!isSelected(selects, version.value)) say(`${says} shows ${version.value}, which was not selected`);
    if (resourceOf(key) !== resource) say(`${says} is of another resource`);
    if ((before === undefined) !== (type === 'ADDED'))
      say(`${says}, and it was ${before === undefined ? 'not there' : `there at ${before.revision}`}`);
    else if (before !== undefined && before.uid !== version.uid) say(`${says} is of another object of that name`);
    else if (type === 'DELETED' && before !== undefined && before.value !== version.value)
      say(`${says} shows ${version.value}, and the last state was ${before.value}`);
    if (type === 'DELETED') state.delete(key);
    else state.set(key, version);
  }
}

function judgeGaps(session: WatchSession, facts: Facts, say: Say): void {
  const told = new Set(session.events.map((event) => (event.type === 'BOOKMARK' ? 0 : event.version.revision)));
  const until = reached(session);
  for (const { key, type, version } of facts.ofResource(session.resource))
    if (version.revision > session.from && version.revision <= until && !told.has(version.revision))
      say(`a ${type} of ${key} at ${version.revision} was left out, and it got to ${until}`);
}

/** Each change of what is selected must be told, and each that leaves it. `state`: what was selected at the begin. */
function judgeSelection(session: WatchSession, state: ReadonlyMap<string, Version>, facts: Facts, say: Say): void {
  const { selects, events, from, resource } = session;
  const selected = new Set(state.keys());
  const until = reached(session);
  const told = new Map(events.flatMap((event) => (event.type === 'BOOKMARK' ? [] : [[event.version.revision, event]])));
  const seen = facts.ofResource(resource).map(({ version }) => version.revision);
  for (const revision of [...new Set([...seen, ...told.keys()])].toSorted((a, b) => a - b)) {
    if (revision <= from || revision > until) continue;
    const event = told.get(revision);
    const fact = facts.byRevision.get(revision);
    const key = event?.key ?? fact!.key;
    const isIn = fact?.type === 'put' && isSelected(selects, fact.version.value);
    const what = `a ${fact?.type ?? 'change'} of ${key} at ${revision}`;
    if (event === undefined && (isIn || selected.has(key))) say(`${what} was left out, and it got to ${until}`);
    if (event !== undefined && isIn && event.type === 'DELETED') say(`${what} was told as DELETED, but is selected`);
    if (isIn) selected.add(key);
    else selected.delete(key);
  }
}
