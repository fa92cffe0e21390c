// Looks at the whole runtime now and then, whatever events said: at Pods, at the disk that they use, and more seldom at images.
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { ImageCollector } from './images/collection.ts';
import type { Pods } from './pod/pods.ts';

export interface HousekeepingOptions {
  readonly clock: Clock;
  readonly scope: Scope;
  readonly logger: Logger;
  readonly pods: Pick<Pods, 'relist' | 'checkStorage'>;
  readonly collector: Pick<ImageCollector, 'collect'>;
  readonly lookMs: number;
}

const imageCollectionMs = 5 * 60_000;

export function keepHouse({ clock, scope, logger, pods, collector, lookMs }: HousekeepingOptions): void {
  scope.spawn('relist', async (signal) => {
    let sinceCollectionMs = 0;
    while (!signal.aborted) {
      await sleep(clock, lookMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      sinceCollectionMs += lookMs;
      try {
        await pods.relist();
        await pods.checkStorage();
        if (sinceCollectionMs >= imageCollectionMs) {
          sinceCollectionMs = 0;
          await collector.collect();
        }
      } catch (error) {
        logger.warn('looking at the whole runtime failed', { error: messageOf(error) });
      }
    }
  });
}
