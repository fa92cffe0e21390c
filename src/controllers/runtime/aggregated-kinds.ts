// The kinds that aggregated API servers serve, for controllers that go over all kinds: asked for when an APIService becomes
// available. A server that is away keeps its kinds; they go with its APIService.
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
  const discover = async (name: string, entry: Entry, group: string, version: string): Promise<void> => {
    for (;;)
      try {
        const resources = await client.discover(group, version);
        // Another server's by now, or gone.
        if (known.get(name) !== entry || end.signal.aborted) return;
        entry.kinds = resources.flatMap((one) => asKind(group, version, one));
        for (const kind of entry.kinds) tell(kind, 'added');
        return;
      } catch (error) {
        if (end.signal.aborted) return;
        logger.warn('the kinds of an aggregated API server could not be read, will retry', {
          name,
          error: messageOf(error),
          retryInMs: retryMs,
        });
        await sleep(clock, retryMs, end.signal).catch(() => {});
        if (known.get(name) !== entry || !entry.isAvailable || end.signal.aborted) return;
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
    };
    known.set(name, entry);
    const cameBack = isAvailable(current) && !entry.isAvailable;
    entry.isAvailable = isAvailable(current);
    if (cameBack && entry.kinds === undefined)
      discover(name, entry, group, version).catch((error: unknown) =>
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
