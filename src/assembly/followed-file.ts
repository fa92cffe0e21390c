// A file that a key of the configuration names: read and parsed, again whenever the key or the file changes. A file that
// cannot be read is a problem, and what was read before stays.
import { messageOf } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import { watchPaths } from '#host/watched-paths.ts';
import type { ConfigurationPart } from './config/live.ts';
import type { AssemblyContext } from './parts.ts';

/** Larger is a mistake: such files are for a few lines. */
const fileBytesMax = 1024 * 1024;

export interface FollowedFile<T> {
  /** Undefined: the key names none, or it was never readable. */
  readonly current: () => T | undefined;
  readonly problems: () => readonly string[];
}

/** `fileOf` gives the path, or an empty text. */
export async function followFile<T>(
  { live, files, clock, logger }: Pick<AssemblyContext, 'live' | 'files' | 'clock' | 'logger'>,
  scope: Scope,
  fileOf: ConfigurationPart<string>,
  parse: (text: string) => T | Promise<T>,
): Promise<FollowedFile<T>> {
  let file = fileOf(live.current);
  let current: T | undefined;
  let problem: string | undefined;
  let looks = 0;
  const look = async (): Promise<void> => {
    const asked = file;
    // Of several at once the last counts: an older state of the file that is read more slowly must not come back.
    const own = ++looks;
    const isLate = (): boolean => own !== looks;
    if (asked === '') {
      current = undefined;
      problem = undefined;
      return;
    }
    try {
      const text = await files.readText(asked);
      if (isLate()) return;
      if (text === undefined) throw new Error('it does not exist');
      if (text.length > fileBytesMax) throw new Error(`it is larger than ${fileBytesMax} bytes`);
      const parsed = await parse(text);
      if (isLate()) return;
      current = parsed;
      problem = undefined;
    } catch (error) {
      if (isLate()) return;
      problem = `${asked} cannot be used: ${messageOf(error)}`;
      logger.warn('a file that the configuration names cannot be used; what was read before stays', {
        file: asked,
        error: messageOf(error),
      });
    }
  };
  const again = (): void => scope.spawn('read a file again', look);
  const watched = watchPaths(file === '' ? [] : [file], clock, again, (error) =>
    logger.warn('changes of a file are not noticed', { file, error: messageOf(error) }),
  );
  const listening = live.onChange(fileOf, (now) => {
    file = now;
    watched.watch(now === '' ? [] : [now]);
    again();
  });
  scope.onClose(() => {
    listening[Symbol.dispose]();
    watched[Symbol.dispose]();
  });
  await look();
  return { current: () => current, problems: () => (problem === undefined ? [] : [problem]) };
}
