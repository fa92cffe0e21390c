// Images that lie on the machine as archives, so that Pods start where no registry answers. What the runtime already has is
// left alone; a broken archive is reported and does not stop the others.
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { ImageArchives } from '#host/linux/image-archives.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';

export interface PreloadResult {
  /** All images that the archives hold: they are never collected. */
  readonly names: readonly string[];
  /** What could not be brought in, one sentence each. */
  readonly problems: readonly string[];
}

/** What an earlier look at an archive found, by its path. */
export type KnownArchives = Readonly<Record<string, { readonly stamp: string; readonly names: readonly string[] }>>;

/** Undefined: it is not what `JSON.stringify` made of them. */
export function parseKnownArchives(text: string | undefined): KnownArchives {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value as Record<string, { stamp?: unknown; names?: unknown } | null>).flatMap(([archive, one]) =>
        typeof one?.stamp === 'string' &&
        Array.isArray(one.names) &&
        one.names.every((name) => typeof name === 'string')
          ? [[archive, { stamp: one.stamp, names: one.names as string[] }]]
          : [],
      ),
    );
  } catch {
    return {};
  }
}

export async function preloadImages(options: {
  readonly directory: string;
  readonly archives: ImageArchives;
  readonly runtime: Pick<ContainerRuntime, 'imageStatus'>;
  readonly logger: Logger;
  readonly known: KnownArchives;
}): Promise<PreloadResult & { readonly known: KnownArchives }> {
  const { directory, archives, runtime, logger } = options;
  const known: Record<string, KnownArchives[string]> = {};
  const results = await Promise.all(
    (await archives.list(directory)).map(async (archive) => {
      try {
        const before = options.known[archive];
        const stamp = await archives.stamp(archive);
        const hasChanged = before !== undefined && before.stamp !== stamp;
        const names = before === undefined || hasChanged ? await archives.namesIn(archive) : before.names;
        if (names.length === 0) throw new Error('it names no image');
        const present = hasChanged ? [undefined] : await Promise.all(names.map((name) => runtime.imageStatus(name)));
        if (present.includes(undefined)) {
          await archives.import(archive);
          logger.info('imported images', { archive, images: names });
        }
        known[archive] = { stamp, names };
        return { names, problems: [] };
      } catch (error) {
        return { names: [], problems: [`The image archive ${archive} could not be imported: ${messageOf(error)}`] };
      }
    }),
  );
  for (const problem of results.flatMap((result) => result.problems)) logger.error(problem);
  return {
    names: results.flatMap((result) => result.names),
    problems: results.flatMap((result) => result.problems),
    known,
  };
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
