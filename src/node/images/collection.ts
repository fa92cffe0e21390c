// Removal of unused images when the image file system fills up: upstream's thresholds, oldest use first. What is pinned (by
// the runtime, or by us where the runtime knows no pinning) always stays.
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
}
const defaultThresholds: ImageThresholds = { highFraction: 0.85, lowFraction: 0.8 };

export interface ImageUse {
  readonly images: readonly Image[];
  readonly usedIds: ReadonlySet<string>;
  readonly pinned: readonly string[];
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly thresholds?: ImageThresholds | undefined;
}

/** Images to remove, largest first, until the disk is below the low threshold. Nothing below the high one. */
export function imagesToRemove(use: ImageUse): readonly Image[] {
  const { images, usedIds, pinned, totalBytes, freeBytes, thresholds = defaultThresholds } = use;
  const { highFraction, lowFraction } = thresholds;
  if (totalBytes === 0 || totalBytes - freeBytes < totalBytes * highFraction) return [];
  let wanted = totalBytes - freeBytes - totalBytes * lowFraction;
  const names = new Set(pinned.map(normalImageName));
  const result: Image[] = [];
  for (const image of images.toSorted((a, b) => b.size - a.size)) {
    if (wanted <= 0) break;
    if (image.pinned || usedIds.has(image.id)) continue;
    if ([...image.repoTags, ...image.repoDigests].some((name) => names.has(normalImageName(name)))) continue;
    result.push(image);
    wanted -= image.size;
  }
  return result;
}

export async function collectImages(options: {
  readonly runtime: ContainerRuntime;
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pinned: readonly string[];
  readonly records: Pick<PullRecords, 'prune'>;
  readonly thresholds?: ImageThresholds | undefined;
}): Promise<void> {
  const { runtime, machine, logger, pinned, records, thresholds } = options;
  const startedMs = options.clock.now();
  const [images, containers, filesystem] = await Promise.all([
    runtime.listImages(),
    runtime.listContainers(),
    runtime.imageFilesystem(),
  ]);
  records.prune(new Set(images.map((one) => one.id)), startedMs);
  if (filesystem === undefined) return;
  const { totalBytes, freeBytes } = machine.diskSpace(filesystem.mountpoint);
  const usedIds = new Set(containers.flatMap((one) => [one.imageRef, one.image.image]));
  for (const image of imagesToRemove({ images, usedIds, pinned, totalBytes, freeBytes, thresholds })) {
    try {
      await runtime.removeImage(image.id);
      logger.info('removed an unused image', { image: image.repoTags[0] ?? image.id, bytes: image.size });
    } catch (error) {
      logger.warn('cannot remove an image', { image: image.id, error: messageOf(error) });
    }
  }
}
