// Files of this machine, written so that a power loss leaves either the old or the new content.
import { constants, promises as fs, readFileSync as readNow } from 'node:fs';
import path from 'node:path';

export interface Files {
  /** Undefined when there is no such file. */
  read(file: string): Promise<Uint8Array | undefined>;
  readText(file: string): Promise<string | undefined>;
  /** Temporary file, fsync, rename, fsync of the directory; makes missing directories with mode 0700. */
  writeAtomic(file: string, content: string | Uint8Array, mode: number): Promise<void>;
  /** Many files at once, with one fsync a directory at the end. Later entries are renamed after earlier ones. */
  writeAllAtomic(
    entries: readonly { readonly file: string; readonly content: string | Uint8Array; readonly mode: number }[],
  ): Promise<void>;
  makeDirectory(directory: string, mode: number): Promise<void>;
  /** Names in the directory; empty when it does not exist. */
  list(directory: string): Promise<readonly string[]>;
  /** Removes a file or a tree; nothing happens when it does not exist. */
  remove(target: string): Promise<void>;
  exists(target: string): Promise<boolean>;
}

/** For what is read while nobody may wait, such as the token file of a kubeconfig at each request. */
export const readFileSync = (file: string): string => readNow(file, 'utf8');

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

let sequence = 0;

async function writeTemporary(file: string, content: string | Uint8Array, mode: number): Promise<string> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.${sequence++}.tmp`);
  const handle = await fs.open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(content);
    await handle.datasync();
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return temporary;
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await fs.open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const systemFiles: Files = {
  async read(file) {
    try {
      return await fs.readFile(file);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async readText(file) {
    const bytes = await systemFiles.read(file);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
  },
  writeAtomic: (file, content, mode) => systemFiles.writeAllAtomic([{ file, content, mode }]),
  async writeAllAtomic(entries) {
    const directories = [...new Set(entries.map((entry) => path.dirname(entry.file)))];
    await Promise.all(directories.map((directory) => fs.mkdir(directory, { recursive: true, mode: 0o700 })));
    const temporaries = await Promise.all(
      entries.map(async (entry) => [await writeTemporary(entry.file, entry.content, entry.mode), entry.file] as const),
    );
    for (const [temporary, file] of temporaries) await fs.rename(temporary, file);
    await Promise.all(directories.map(syncDirectory));
  },
  async makeDirectory(directory, mode) {
    await fs.mkdir(directory, { recursive: true, mode });
  },
  async list(directory) {
    try {
      return (await fs.readdir(directory)).toSorted();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  async remove(target) {
    await fs.rm(target, { recursive: true, force: true });
  },
  async exists(target) {
    try {
      await fs.access(target);
      return true;
    } catch {
      return false;
    }
  },
};
