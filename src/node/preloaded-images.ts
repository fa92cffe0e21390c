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
