// Tells when files or directories change, appear or go away, by the kernel's notifications (inotify): nothing is polled.
// Deliberately says only that something changed: who listens looks again.
import { existsSync, realpathSync, statSync, watch, type FSWatcher, type Stats } from 'node:fs';
import path from 'node:path';
import type { Clock, Timer } from '#base/clock.ts';

export interface WatchedPaths extends Disposable {
  /** Replaces what is watched. */
  watch(paths: readonly string[]): void;
}

/** An editor's save is several events: the listener is called once, this long behind the last of them. */
const quietMs = 100;
/** Where changes never end, it is called all the same. */
const waitMaxMs = 1_000;

export function watchPaths(
  paths: readonly string[],
  clock: Clock,
  onChange: () => void,
  onError: (error: unknown) => void = () => {},
): WatchedPaths {
  const watchers = new Map<
    string,
    { readonly names: Set<string> | undefined; readonly inode: number | undefined; readonly watcher: FSWatcher }
  >();
  let wanted = [...paths];
  let timer: Timer | undefined;
  let firstMs: number | undefined;
  let closed = false;

  const report = (): void => {
    timer = undefined;
    firstMs = undefined;
    // What was missing may be there now, and the other way round.
    arrange();
    onChange();
  };
  const touched = (): void => {
    if (closed) return;
    const now = clock.monotonicMs();
    firstMs ??= now;
    timer?.cancel();
    timer = clock.schedule(Math.max(0, Math.min(quietMs, firstMs + waitMaxMs - now)), report);
  };
  const arrange = (): void => {
    const needed = neededWatches(wanted);
    for (const [directory, one] of watchers)
      // Another directory may have taken its place: a watch follows the one that it was made for.
      if (!needed.has(directory) || !same(one.names, needed.get(directory)) || one.inode !== inodeOf(directory)) {
        one.watcher.close();
        watchers.delete(directory);
      }
    for (const [directory, names] of needed) {
      if (watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, (_, name) => {
          if (names === undefined || name === null || names.has(name)) touched();
        });
        watcher.on('error', () => touched());
        watchers.set(directory, { names, inode: inodeOf(directory), watcher });
      } catch (error) {
        // It went away meanwhile, or the kernel gives no more watches.
        if (existsSync(directory)) onError(error);
      }
    }
  };
  arrange();
  return {
    watch(next) {
      wanted = [...next];
      if (!closed) arrange();
    },
    [Symbol.dispose]() {
      closed = true;
      timer?.cancel();
      for (const { watcher } of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

/**
 * By directory the names that matter in it; undefined: all. A file is watched through its directory, since editors replace
 * files; a missing path through its nearest parent; a link through its target as well. Of each directory its own name in the one above,
 * in case that another takes its place.
 */
function neededWatches(paths: readonly string[]): Map<string, Set<string> | undefined> {
  const needed = new Map<string, Set<string> | undefined>();
  const add = (directory: string, name: string | undefined): void => {
    if (name === undefined) needed.set(directory, undefined);
    else if (!needed.has(directory)) needed.set(directory, new Set([name]));
    else needed.get(directory)?.add(name);
  };
  for (const one of paths) {
    let current = path.resolve(one);
    if (isDirectory(current)) add(current, undefined);
    else {
      const target = realPath(current);
      if (target !== undefined && target !== current) add(path.dirname(target), path.basename(target));
    }
    // Its appearance, replacement and removal are seen in the directory above, that of a missing one further up.
    while (current !== path.dirname(current)) {
      const parent = path.dirname(current);
      if (isDirectory(parent)) {
        add(parent, path.basename(current));
        if (parent !== path.dirname(parent)) add(path.dirname(parent), path.basename(parent));
        break;
      }
      current = parent;
    }
  }
  return needed;
}

const same = (a: Set<string> | undefined, b: Set<string> | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.size === b.size && [...a].every((one) => b.has(one));
const isDirectory = (file: string): boolean => statusOf(file)?.isDirectory() ?? false;
const inodeOf = (file: string): number | undefined => statusOf(file)?.ino;
function statusOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}
function realPath(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}
