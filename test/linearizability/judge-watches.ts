// What a watch promises: events in order, each once, none left out, in types that fit what the watcher had seen; a later session goes
// on where the last one ended; a bookmark says no more than what has been told.
import { type Facts, reached } from './facts.ts';
import { type History, type Version, type WatchSession, resourceOf } from './history.ts';

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
      judgeTypes(session, state, say);
      judgeGaps(session, facts, say);
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
function judgeTypes({ events, resource }: WatchSession, state: Map<string, Version>, say: Say): void {
  for (const event of events) {
    if (event.type === 'BOOKMARK') continue;
    const { key, version, type } = event;
    const before = state.get(key);
    const says = `${type} of ${key} at ${version.revision}`;
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
