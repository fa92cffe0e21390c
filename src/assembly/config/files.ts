// Which files the configuration is made of: the one that was named; else config.yaml and config.d/*.yaml of the home
// directory, where there are any; else those of /etc/microshift.
import path from 'node:path';
import { messageOf } from '#base/errors.ts';
import type { ConfigurationProblem } from './problems.ts';

export const systemDirectory = '/etc/microshift';

export interface FileAccess {
  /** Undefined when there is no such file. */
  readonly readText: (file: string) => Promise<string | undefined>;
  /** Names in the directory; empty when there is none. */
  readonly listNames: (directory: string) => Promise<readonly string[]>;
}

export interface ChosenFiles {
  /** Later ones win. */
  readonly files: readonly string[];
  /** Files and directories whose appearance or change would change the choice or its content. */
  readonly watched: readonly string[];
  readonly problems: readonly ConfigurationProblem[];
}

export async function chooseFiles(access: FileAccess, homeDirectory: string, named: string): Promise<ChosenFiles> {
  if (named !== '') {
    const file = path.resolve(named);
    return {
      files: (await exists(access, file)) ? [file] : [],
      watched: [file],
      problems: (await exists(access, file))
        ? []
        : [
            {
              key: '',
              source: file,
              message: `The configuration file ${file} does not exist.`,
              remedy: 'Name an existing file with --config, or leave it out: every key has a default.',
            },
          ],
    };
  }
  const directories = [path.join(homeDirectory, '.microshift'), systemDirectory];
  const watched = directories.flatMap((one) => [path.join(one, 'config.yaml'), path.join(one, 'config.d')]);
  const problems: ConfigurationProblem[] = [];
  for (const directory of directories) {
    const files: string[] = [];
    const main = path.join(directory, 'config.yaml');
    if (await exists(access, main)) files.push(main);
    const dropIns = path.join(directory, 'config.d');
    try {
      const names = await access.listNames(dropIns);
      files.push(
        ...names
          .filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
          .toSorted((a, b) => (a < b ? -1 : 1))
          .map((name) => path.join(dropIns, name)),
      );
    } catch (error) {
      problems.push({
        key: '',
        source: dropIns,
        message: `The directory ${dropIns} cannot be read: ${messageOf(error)}.`,
        remedy: 'Make it readable for this user, or name a file with --config.',
      });
    }
    if (files.length > 0 || problems.length > 0) return { files, watched, problems };
  }
  return { files: [], watched, problems };
}

/** A file that is there and cannot be read exists: reading it says why. */
async function exists(access: FileAccess, file: string): Promise<boolean> {
  try {
    return (await access.readText(file)) !== undefined;
  } catch {
    return true;
  }
}
