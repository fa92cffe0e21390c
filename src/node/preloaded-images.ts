// Images that lie on the machine as archives, so that Pods start where no registry answers. What the runtime already has is
// left alone; a broken archive is reported and does not stop the others.
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { ImageArchives } from '#host/linux/image-archives.ts';
import type { ContainerRuntime } from './cri/runtime.ts';

export interface PreloadResult {
  /** All images that the archives hold: they are never collected. */
  readonly names: readonly string[];
  /** What could not be brought in, one sentence each. */
  readonly problems: readonly string[];
}

export async function preloadImages(options: {
  readonly directory: string;
  readonly archives: ImageArchives;
  readonly runtime: Pick<ContainerRuntime, 'imageStatus'>;
  readonly logger: Logger;
}): Promise<PreloadResult> {
  const { directory, archives, runtime, logger } = options;
  const results = await Promise.all(
    (await archives.list(directory)).map(async (archive) => {
      try {
        const names = await archives.namesIn(archive);
        const present = await Promise.all(names.map((name) => runtime.imageStatus(name)));
        if (present.includes(undefined)) {
          await archives.import(archive);
          logger.info('imported images', { archive, images: names });
        }
        return { names, problems: [] };
      } catch (error) {
        return { names: [], problems: [`The image archive ${archive} could not be imported: ${messageOf(error)}`] };
      }
    }),
  );
  for (const problem of results.flatMap((result) => result.problems)) logger.error(problem);
  return { names: results.flatMap((result) => result.names), problems: results.flatMap((result) => result.problems) };
}

/**
 * A runtime of the host makes sandboxes of the image that its own configuration names, usually one of a registry. Where that
 * image is missing and no registry may answer, ours takes its name. Gives the name to keep, or the problem.
 */
export async function provideSandboxImage(options: {
  readonly runtime: Pick<ContainerRuntime, 'imageStatus' | 'sandboxImage'>;
  readonly archives: Pick<ImageArchives, 'tag'>;
  readonly pauseImage: string;
  readonly logger: Logger;
}): Promise<PreloadResult> {
  const { runtime, archives, pauseImage, logger } = options;
  const wanted = await runtime.sandboxImage();
  if (wanted === undefined || wanted === pauseImage) return { names: [], problems: [] };
  if ((await runtime.imageStatus(wanted)) === undefined && (await runtime.imageStatus(pauseImage)) !== undefined) {
    await archives.tag(pauseImage, wanted);
    logger.info("our pause image stands in for the runtime's sandbox image, which is not on this machine", {
      image: wanted,
    });
  }
  return { names: [wanted], problems: [] };
}
