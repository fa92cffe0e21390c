// Where kustomizations are read from: a directory tree of the machine, or one in memory.
import path from 'node:path';

export interface TreeEntry {
  /** Absolute, without links. */
  readonly path: string;
  readonly type: 'file' | 'directory';
}

export interface FileTree {
  /** Follows links. Undefined: there is nothing. */
  find(absolutePath: string): Promise<TreeEntry | undefined>;
  /** Of a file that `find` gave. */
  read(absolutePath: string): Promise<Uint8Array>;
}

/** Texts by absolute path. */
export function memoryFileTree(files: Readonly<Record<string, string | Uint8Array>>): FileTree {
  const directories = new Set(['/']);
  for (const file of Object.keys(files))
    for (let at = path.dirname(file); at !== '/'; at = path.dirname(at)) directories.add(at);
  return {
    async find(absolutePath) {
      const normal = path.resolve(absolutePath);
      if (Object.hasOwn(files, normal)) return { path: normal, type: 'file' };
      return directories.has(normal) ? { path: normal, type: 'directory' } : undefined;
    },
    async read(absolutePath) {
      const content = files[absolutePath] ?? '';
      return typeof content === 'string' ? Buffer.from(content) : content;
    },
  };
}

/** Whether `inner` is `outer` or below it. */
export const isWithin = (outer: string, inner: string): boolean =>
  inner === outer || inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
