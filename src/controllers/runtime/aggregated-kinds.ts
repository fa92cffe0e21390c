// The kinds that aggregated API servers serve, for controllers that go over all kinds: asked for when an APIService becomes
// available, and every half a minute from then on, as upstream's controllers do: nobody tells of new kinds. A server that is away keeps its kinds; they go with its APIService.
import { APIServices } from '#api/generated/kind-references.ts';
import type { APIService } from '#api/generated/types.ts';
import type { Client, DiscoveredResource } from '#client/client.ts';
import { messageOf } from '#base/errors.ts';
import { sleep, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { KindReference } from '#api/kind.ts';

export interface ChangingKind extends KindReference {
  /** Of another server: when it goes, nothing is known of its objects. */
  readonly aggregated?: boolean | undefined;
}

const needed = ['list', 'watch', 'delete'];

/** Answered by another server; undefined: by this one. */
const remoteOf = ({ spec }: APIService): { readonly group: string; readonly version: string } | undefined =>
  (spec?.service ?? undefined) === undefined || (spec?.group ?? '') === ''
    ? undefined
    : { group: spec?.group ?? '', version: spec?.version ?? '' };
const isAvailable = ({ status }: APIService): boolean =>
  status?.conditions?.some((one) => one.type === 'Available' && one.status === 'True') === true;
const retryMs = 5_000;
const refreshMs = 30_000;

export interface AggregatedKinds extends Disposable {
  /** Group versions of other servers that could not be asked what they serve, or not yet: `GROUP/VERSION`, sorted. */
  undiscovered(): readonly string[];
}

interface Entry {
  readonly identity: string;
  readonly version: string;
  isAvailable: boolean;
  /** Undefined: not asked. */
  kinds: readonly ChangingKind[] | undefined;
  /** Counts how often it became available: each time it is asked anew. */
  times: number;
}

export function followAggregatedKinds(
  client: Client,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  tell: (kind: ChangingKind, type: 'added' | 'removed') => void,
): AggregatedKinds {
  /** By the name of the APIService. */
  const known = new Map<string, Entry>();
  const end = new AbortController();
  const remove = (name: string): void => {
    for (const kind of known.get(name)?.kinds ?? []) tell(kind, 'removed');
    known.delete(name);
  };
  const asKind = (group: string, version: string, one: DiscoveredResource): readonly ChangingKind[] =>
    one.name.includes('/') || !needed.every((verb) => one.verbs.includes(verb))
      ? []
      : [{ group, version, resource: one.name, kind: one.kind, namespaced: one.namespaced, aggregated: true }];
  const keyOf = (kind: ChangingKind): string => JSON.stringify(kind);
  const update = (entry: Entry, kinds: readonly ChangingKind[]): void => {
    const before = new Set(entry.kinds?.map(keyOf));
    const now = new Set(kinds.map(keyOf));
    for (const kind of entry.kinds ?? []) if (!now.has(keyOf(kind))) tell(kind, 'removed');
    entry.kinds = kinds;
    for (const kind of kinds) if (!before.has(keyOf(kind))) tell(kind, 'added');
  };
  const follow = async (name: string, entry: Entry, group: string, version: string): Promise<void> => {
    const times = ++entry.times;
    // Another server's by now, gone, or asked by a later turn.
    const isOver = (): boolean => known.get(name) !== entry || entry.times !== times || end.signal.aborted;
    for (;;) {
      let waitMs = refreshMs;
      try {
        const resources = await client.discover(group, version);
        if (isOver()) return;
        update(
          entry,
          resources.flatMap((one) => asKind(group, version, one)),
        );
      } catch (error) {
        if (isOver()) return;
        waitMs = retryMs;
        logger.warn('the kinds of an aggregated API server could not be read, will retry', {
          name,
          error: messageOf(error),
          retryInMs: retryMs,
        });
      }
      await sleep(clock, waitMs, end.signal).catch(() => {});
      if (isOver() || !entry.isAvailable) return;
    }
  };
  const subscription = client.informer(APIServices).onChange(({ current, previous }) => {
    const name = (current ?? previous)?.metadata.name ?? '';
    const remote = current === undefined ? undefined : remoteOf(current);
    if (current === undefined || remote === undefined) return remove(name);
    const { group, version } = remote;
    const identity = JSON.stringify([current.metadata.uid, current.spec]);
    const before = known.get(name);
    if (before?.identity !== identity) remove(name);
    const entry: Entry = known.get(name) ?? {
      identity,
      version: `${group}/${version}`,
      isAvailable: false,
      kinds: undefined,
      times: 0,
    };
    known.set(name, entry);
    const cameBack = isAvailable(current) && !entry.isAvailable;
    entry.isAvailable = isAvailable(current);
    if (cameBack)
      follow(name, entry, group, version).catch((error: unknown) =>
        logger.error('kinds of an aggregated API server', { name, error: messageOf(error) }),
      );
  });
  return {
    undiscovered: () =>
      [...known.values()]
        .flatMap((one) => (one.isAvailable && one.kinds !== undefined ? [] : [one.version]))
        .toSorted(),
    [Symbol.dispose]() {
      end.abort();
      subscription[Symbol.dispose]();
    },
  };
}
