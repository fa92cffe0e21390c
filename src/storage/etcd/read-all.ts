// Everything below a prefix as it was at one revision, in pages.
import type { Logger } from '#base/log.ts';
import type { Revision } from '../store.ts';
import { type EtcdClient, isCompacted, type KeyValue } from './client.ts';

const pageItems = 500;
/** Somebody compacts every five minutes: a reading that takes longer than that does not end. */
const triesMax = 5;

export async function readAll(
  client: Pick<EtcdClient, 'range'>,
  prefix: string,
  logger: Logger,
): Promise<{ readonly items: readonly KeyValue[]; readonly revision: Revision }> {
  for (let left = triesMax; ; left--) {
    const items: KeyValue[] = [];
    let revision: number | undefined;
    try {
      for (let startAfter: string | undefined; ;) {
        const page = await client.range(prefix, {
          limit: pageItems,
          ...(startAfter === undefined ? {} : { startAfter }),
          ...(revision === undefined ? {} : { revision }),
        });
        revision ??= page.revision;
        for (const item of page.items) items.push(item);
        if (!page.more) return { items, revision };
        startAfter = page.items.at(-1)!.key;
      }
    } catch (error) {
      if (left <= 1 || !isCompacted(error)) throw error;
      logger.info('etcd was compacted while it was read: everything is read again');
    }
  }
}
