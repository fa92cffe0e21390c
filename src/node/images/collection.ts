// Removal of unused images: when the image file system fills up, and when the node runs short of disk. Upstream's thresholds;
// the one whose last use is longest ago first. What is pinned (by the runtime, or by us where the runtime knows no pinning)
// always stays, and so does what has only just come: its container is about to start.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { Image } from '../cri/messages.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import { normalImageName } from './image-name.ts';
import type { PullRecords } from './pull-records.ts';

/** Of the disk's bytes in use: at the high one collection begins, at the low one it ends. */
export interface ImageThresholds {
  readonly highFraction: number;
  readonly lowFraction: number;
  /** Younger images stay. Absent: 2 minutes. */
  readonly youngMs?: number | undefined;
  /** Unused for so long, an image goes whatever there is of disk; absent or 0: never for that. */
  readonly unusedMs?: number | undefined;
}
const defaultThresholds: ImageThresholds = { highFraction: 0.85, lowFraction: 0.8 };
const defaultYoungMs = 2 * 60_000;

export interface ImageUse {
  readonly images: readonly Image[];
  readonly usedIds: ReadonlySet<string>;
  readonly pinned: readonly string[];
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly thresholds?: ImageThresholds | undefined;
}

/** Of an image: when it was first and last seen, and last seen in use. */
interface Seen {
  readonly firstMs: number;
  readonly usedMs: number;
}

function unused({ images, usedIds, pinned }: Pick<ImageUse, 'images' | 'usedIds' | 'pinned'>): readonly Image[] {
  const names = new Set(pinned.map(normalImageName));
  return images.filter(
    (image) =>
      !image.pinned &&
      !usedIds.has(image.id) &&
      ![...image.repoTags, ...image.repoDigests].some((name) => usedIds.has(name) || names.has(normalImageName(name))),
  );
}

/** Images to remove, longest unused first, then the largest, until the disk is below the low threshold. Nothing below the high one. */
export function imagesToRemove(use: ImageUse, seen?: ReadonlyMap<string, Seen>): readonly Image[] {
  const { totalBytes, freeBytes, thresholds = defaultThresholds } = use;
  const { highFraction, lowFraction } = thresholds;
  if (totalBytes === 0 || totalBytes - freeBytes < totalBytes * highFraction) return [];
  let wanted = totalBytes - freeBytes - totalBytes * lowFraction;
  const result: Image[] = [];
  for (const image of inOrder(unused(use), seen)) {
    if (wanted <= 0) break;
    result.push(image);
    wanted -= image.size;
  }
  return result;
}

const inOrder = (images: readonly Image[], seen: ReadonlyMap<string, Seen> | undefined): readonly Image[] =>
  images.toSorted((a, b) => {
    const [one, other] = [seen?.get(a.id), seen?.get(b.id)];
    return (one?.usedMs ?? 0) - (other?.usedMs ?? 0) || (one?.firstMs ?? 0) - (other?.firstMs ?? 0) || b.size - a.size;
  });

export interface ImageCollectorOptions {
  readonly runtime: ContainerRuntime;
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pinned: () => readonly string[];
  readonly records: Pick<PullRecords, 'prune'>;
  readonly thresholds: () => ImageThresholds | undefined;
  readonly onRemoved?: (reason: RemovalReason) => void;
}

/** Upstream's words: unused for too long, or in the way of others. */
export type RemovalReason = 'age' | 'space';

export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #beganMs: number;
  #seen: ReadonlyMap<string, Seen> | undefined;

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
    this.#beganMs = options.clock.now();
  }

  /** To be called every few minutes: it is how the last use of an image is known. */
  async collect(): Promise<void> {
    const { runtime, machine, clock, thresholds } = this.#options;
    const use = await this.#look();
    const limits = thresholds() ?? defaultThresholds;
    const { unusedMs = 0 } = limits;
    if (unusedMs > 0)
      await this.#remove(
        this.#old(use).filter((one) => clock.now() - this.#usedMs(one) > unusedMs),
        'age',
      );
    const filesystem = await runtime.imageFilesystem();
    if (filesystem === undefined) return;
    const { totalBytes, freeBytes } = machine.diskSpace(filesystem.mountpoint);
    const images = this.#old(use);
    await this.#remove(
      imagesToRemove({ ...use, images, totalBytes, freeBytes, thresholds: limits }, this.#seen),
      'space',
    );
  }

  /** All that nobody uses. */
  async removeUnused(): Promise<void> {
    const use = await this.#look();
    await this.#remove(inOrder(this.#old(use), this.#seen), 'space');
  }

  async #look(): Promise<Pick<ImageUse, 'images' | 'usedIds' | 'pinned'>> {
    const { runtime, records, clock, pinned } = this.#options;
    const startedMs = clock.now();
    const [images, containers] = await Promise.all([runtime.listImages(), runtime.listContainers()]);
    records.prune(new Set(images.map((one) => one.id)), startedMs);
    const usedIds = new Set(containers.flatMap((one) => [one.imageRef, one.image.image]));
    const use = { images, usedIds, pinned: pinned() };
    const free = new Set(unused(use).map((one) => one.id));
    // What was here before the first look is as old as can be.
    const first = this.#seen === undefined;
    this.#seen = new Map(
      images.map(({ id }) => {
        const before = this.#seen?.get(id) ?? { firstMs: first ? 0 : startedMs, usedMs: 0 };
        return [id, free.has(id) ? before : { ...before, usedMs: startedMs }] as const;
      }),
    );
    return use;
  }

  /** Unused, and not young. */
  #old(use: Pick<ImageUse, 'images' | 'usedIds' | 'pinned'>): readonly Image[] {
    const { clock, thresholds } = this.#options;
    const youngMs = thresholds()?.youngMs ?? defaultYoungMs;
    return unused(use).filter((one) => clock.now() - (this.#seen?.get(one.id)?.firstMs ?? 0) >= youngMs);
  }

  /** As far as is known: what was before this process began is not. */
  #usedMs({ id }: Image): number {
    const seen = this.#seen?.get(id);
    return Math.max(seen?.usedMs ?? 0, seen?.firstMs ?? 0, this.#beganMs);
  }

  async #remove(images: readonly Image[], reason: RemovalReason): Promise<void> {
    const { runtime, logger, onRemoved } = this.#options;
    for (const image of images) {
      try {
        await runtime.removeImage(image.id);
        onRemoved?.(reason);
        logger.info('removed an unused image', { image: image.repoTags[0] ?? image.id, bytes: image.size });
      } catch (error) {
        logger.warn('cannot remove an image', { image: image.id, error: messageOf(error) });
      }
    }
  }
}
