// Several clients that read and write a few objects at once, and watchers of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { fraction, type Random, seededRandom } from '#base/random.ts';
import { type Action, type Half, halfOf, type History, type Version } from './history.ts';
import { judge } from './judge.ts';
import { Recorder } from './recorder.ts';
import { RecordingClient, resources } from './recording-client.ts';
import type { Transport } from './transport.ts';
import { Watcher } from './watcher.ts';

export interface TrafficOptions {
  readonly seed: number;
  /** One for each client and each watcher: no two share a connection. */
  readonly connect: (index: number) => Transport;
  readonly clients: number;
  readonly keys: number;
  readonly sessionMs: number;
  /** The writes go on while this does; behind it the server must answer. */
  readonly during: () => Promise<void>;
  /** How long it may take until all is well again; default 40 s. */
  readonly settleMs?: number | undefined;
  /** Between two operations of a client. */
  readonly pauseMs?: number | undefined;
}

export interface TrafficResult {
  readonly problems: readonly string[];
  readonly history: History;
  readonly operations: number;
  readonly unknown: number;
  readonly lists: number;
  readonly sessions: number;
  /** Of the sessions, those that went on where another had ended. */
  readonly resumed: number;
  readonly events: number;
  readonly bookmarks: number;
}

const watcherKinds: readonly { readonly streamsState: boolean; readonly selects?: Half }[] = [
  { streamsState: false },
  { streamsState: true },
  { streamsState: false, selects: 'even' },
  { streamsState: true, selects: 'odd' },
];

export async function runTraffic(options: TrafficOptions): Promise<TrafficResult> {
  const { seed, connect, clients, keys, sessionMs, during, pauseMs = 0, settleMs = 40_000 } = options;
  const recorder = new Recorder();
  const transports: Transport[] = [];
  const open = (): Transport => {
    const transport = connect(transports.length);
    transports.push(transport);
    return transport;
  };
  const writing = new AbortController();
  const watching = new AbortController();
  const names = Array.from({ length: keys }, (_, index) => `${resources[index % resources.length]}/k${index}`);
  const watchers = resources.flatMap((resource, at) =>
    watcherKinds.map((kind, index) => {
      const transport = open();
      const watcher = at * watcherKinds.length + index;
      return new Watcher({
        ...kind,
        watcher,
        resource,
        transport,
        client: new RecordingClient(transport, recorder),
        recorder,
        random: seededRandom(seed * 100 + watcher),
        sessionMs,
        stop: watching.signal,
      });
    }),
  );
  const loops = Array.from({ length: clients }, (_, index) =>
    useObjects({
      name: `c${index}`,
      client: new RecordingClient(open(), recorder),
      random: seededRandom(seed * 1_000 + index),
      names,
      pauseMs,
      stop: writing.signal,
    }),
  );
  try {
    await during();
    writing.abort();
    await Promise.all(loops);
    const problems = await settle(new RecordingClient(open(), recorder), names, watchers, settleMs);
    watching.abort();
    await Promise.all(watchers.map((watcher) => watcher.ended));
    const history = recorder.history();
    const { operations, lists, sessions } = history;
    const events = sessions.flatMap((session) => session.events);
    return {
      problems: [...recorder.oddities, ...problems, ...judge(history)],
      history,
      operations: operations.length,
      unknown: operations.filter(({ outcome }) => outcome.type === 'unknown').length,
      lists: lists.length,
      sessions: sessions.length,
      resumed: sessions.filter(({ listed }) => listed === undefined).length,
      events: events.length,
      bookmarks: events.filter(({ type }) => type === 'BOOKMARK').length,
    };
  } finally {
    writing.abort();
    watching.abort();
    for (const transport of transports) transport.close();
  }
}

interface User {
  readonly name: string;
  readonly client: RecordingClient;
  readonly random: Random;
  readonly names: readonly string[];
  readonly pauseMs: number;
  readonly stop: AbortSignal;
}

async function useObjects({ name, client, random, names, pauseMs, stop }: User): Promise<void> {
  const known = new Map<string, Version>();
  let newest = 0;
  for (let count = 0; !stop.aborted; count++) {
    const key = names[Math.floor(fraction(random) * names.length)]!;
    const dice = fraction(random);
    const limit = fraction(random) < 0.3 ? 2 : undefined;
    const selects = fraction(random) < 0.3 ? halfOf(key) : undefined;
    const resource = key.slice(0, key.indexOf('/'));
    let isAnswered: boolean;
    if (dice < 0.08) isAnswered = (await client.list(resource, { limit, selects })) !== undefined;
    else if (dice < 0.1) {
      // Gone meanwhile (410), or of a time that this server has not reached: no answer is right as well.
      await client.list(
        resource,
        dice < 0.09 ? { exactly: newest || undefined, limit } : { notOlderThan: newest, limit },
      );
      isAnswered = true;
    } else {
      const action = actionOf(dice, `${name}-${count}`, known.get(key), fraction(random) < 0.6);
      const outcome = await client.perform(key, action);
      isAnswered = outcome !== undefined;
      if (outcome?.type === 'version') {
        known.set(key, outcome.version);
        newest = Math.max(newest, outcome.version.revision);
      } else if (outcome?.type === 'missing' || outcome?.type === 'removed') known.delete(key);
    }
    await sleep(isAnswered ? pauseMs : 40);
  }
}

function actionOf(dice: number, value: string, known: Version | undefined, isConditional: boolean): Action {
  const revision = isConditional ? known?.revision : undefined;
  if (dice < 0.35) return { type: 'get' };
  if (dice < 0.47) return { type: 'delete', revision };
  // Mostly what will work, and now and then what is to be refused.
  if (known === undefined ? dice < 0.9 : dice < 0.52) return { type: 'create', value };
  return dice < 0.75 ? { type: 'update', value, revision } : { type: 'patch', value };
}

/** When the server is well again, everything is read once more, and each watcher must get to a last write. */
async function settle(
  client: RecordingClient,
  names: readonly string[],
  watchers: readonly Watcher[],
  settleMs: number,
): Promise<string[]> {
  const until = performance.now() + settleMs;
  const repeat = async <T>(what: string, step: () => Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const done = await step();
      if (done !== undefined) return done;
      if (performance.now() > until) throw new Error(`${what} does not succeed after the faults`);
      await sleep(20);
    }
  };
  for (const key of names) await repeat(`a read of ${key}`, () => client.perform(key, { type: 'get' }));
  let count = 0;
  for (const resource of resources) {
    await repeat(`a list of ${resource}`, () => client.list(resource));
    for (const half of ['even', 'odd'] as const) {
      const outcome = await repeat(`a last write of ${resource}`, async () => {
        const value = `last-${resource}-${count++}-${half === 'even' ? 0 : 1}`;
        const done = await client.perform(`${resource}/k-last-${count}`, { type: 'create', value });
        return done?.type === 'version' ? done : undefined;
      });
      const last = outcome.version.revision;
      const late = (): Watcher[] =>
        watchers.filter((one) => one.resource === resource && one.isToldOf(half) && one.revision < last);
      while (late().length > 0) {
        if (performance.now() > until)
          return late().map(
            (watcher) => `${watcher.name} got to ${watcher.revision}, not to the last write at ${last}`,
          );
        await sleep(10);
      }
    }
  }
  return [];
}
