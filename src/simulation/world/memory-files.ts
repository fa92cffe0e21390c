// Files, directories and links in memory, as much of them as the node agent uses. They outlive the agent and the machine's power.
import type { FileStatus } from '#host/node-machine.ts';

interface Entry {
  readonly type: 'file' | 'directory' | 'symlink';
  readonly inode: number;
  mode: number;
  uid: number;
  gid: number;
  content: Uint8Array;
  readonly target: string;
}

const missing = (path: string): Error =>
  Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: 'ENOENT' });
const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));
const linksMax = 20;

export class MemoryFiles {
  readonly #entries = new Map<string, Entry>();
  readonly #children = new Map<string, Set<string>>();
  #inode = 1;

  constructor() {
    this.#put('/', 'directory', 0o755);
  }
  #put(path: string, type: Entry['type'], mode: number, content: Uint8Array = new Uint8Array(), target = ''): Entry {
    const entry: Entry = { type, inode: this.#inode++, mode, uid: 0, gid: 0, content, target };
    this.#entries.set(path, entry);
    if (path !== '/') {
      const parent = parentOf(path);
      let names = this.#children.get(parent);
      if (names === undefined) this.#children.set(parent, (names = new Set()));
      names.add(path.slice(path.lastIndexOf('/') + 1));
    }
    return entry;
  }
  #drop(path: string): void {
    this.#entries.delete(path);
    this.#children.get(parentOf(path))?.delete(path.slice(path.lastIndexOf('/') + 1));
  }
  /** The path without links in it; the last part is followed too if `last`. */
  resolve(path: string, last = true): string {
    if (this.#entries.get(path)?.type === 'directory') return path;
    let parts = path.split('/').filter((one) => one !== '' && one !== '.');
    let at = '';
    for (let links = 0; parts.length > 0;) {
      const [name = '', ...rest] = parts;
      if (name === '..') {
        at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
        parts = rest;
        continue;
      }
      const next = `${at}/${name}`;
      const entry = this.#entries.get(next);
      if (entry?.type !== 'symlink' || (rest.length === 0 && !last)) {
        at = next;
        parts = rest;
        continue;
      }
      if (++links > linksMax) throw Object.assign(new Error(`ELOOP: ${path}`), { code: 'ELOOP' });
      if (entry.target.startsWith('/')) at = '';
      parts = [...entry.target.split('/').filter((one) => one !== '' && one !== '.'), ...rest];
    }
    return at === '' ? '/' : at;
  }
  read(path: string): Uint8Array | undefined {
    const entry = this.#entries.get(this.resolve(path));
    return entry?.type === 'file' ? entry.content : undefined;
  }
  write(path: string, content: Uint8Array, mode: number): void {
    const target = this.resolve(path);
    if (this.#entries.get(parentOf(target))?.type !== 'directory') throw missing(path);
    const entry = this.#entries.get(target) ?? this.#put(target, 'file', mode);
    entry.content = content;
    entry.mode = mode;
  }
  makeDirectory(path: string, mode: number): void {
    const target = this.resolve(path);
    if (this.#entries.has(target)) return;
    if (target !== '/') this.makeDirectory(parentOf(target), mode);
    this.#put(target, 'directory', mode);
  }
  status(path: string, followLinks: boolean): FileStatus | undefined {
    const entry = this.#entries.get(this.resolve(path, followLinks));
    if (entry === undefined) return undefined;
    const { type, mode, inode, uid, gid, content } = entry;
    return { type, mode, inode, uid, gid, size: content.length, changedMs: 0 };
  }
  list(path: string): readonly string[] {
    return [...(this.#children.get(this.resolve(path)) ?? [])];
  }
  readLink(path: string): string | undefined {
    const entry = this.#entries.get(this.resolve(path, false));
    return entry?.type === 'symlink' ? entry.target : undefined;
  }
  symlink(target: string, link: string): void {
    const path = this.resolve(link, false);
    if (this.#entries.get(parentOf(path))?.type !== 'directory') throw missing(link);
    this.remove(path);
    this.#put(path, 'symlink', 0o777, undefined, target);
  }
  rename(from: string, to: string): void {
    const [source, target] = [this.resolve(from, false), this.resolve(to, false)];
    const entry = this.#entries.get(source);
    if (entry === undefined) throw missing(from);
    this.remove(target);
    const names = [...(this.#children.get(source) ?? [])];
    const { type, mode, content, uid, gid } = entry;
    const moved = this.#put(target, type, mode, content, entry.target);
    moved.uid = uid;
    moved.gid = gid;
    for (const name of names) this.rename(`${source}/${name}`, `${target}/${name}`);
    this.#drop(source);
  }
  remove(path: string): void {
    const target = this.resolve(path, false);
    if (!this.#entries.has(target)) return;
    for (const name of this.#children.get(target) ?? []) this.remove(`${target}/${name}`);
    this.#children.delete(target);
    this.#drop(target);
  }
  removeEmptyDirectory(path: string): boolean {
    const target = this.resolve(path, false);
    if (this.#entries.get(target)?.type !== 'directory' || (this.#children.get(target)?.size ?? 0) > 0) return false;
    this.remove(target);
    return true;
  }
  change(path: string, part: { readonly mode?: number; readonly uid?: number; readonly gid?: number }): void {
    const entry = this.#entries.get(this.resolve(path, part.mode !== undefined));
    if (entry === undefined) throw missing(path);
    Object.assign(entry, part);
  }
}
