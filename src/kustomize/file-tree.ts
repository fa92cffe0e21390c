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

/** Texts by absolute path, looked at anew each time. */
export function memoryFileTree(files: Readonly<Record<string, string | Uint8Array>>): FileTree {
  return {
    async find(absolutePath) {
      const normal = path.resolve(absolutePath);
      if (Object.hasOwn(files, normal)) return { path: normal, type: 'file' };
      const isDirectory = Object.keys(files).some((file) => file !== normal && isWithin(normal, file));
      return isDirectory ? { path: normal, type: 'directory' } : undefined;
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
