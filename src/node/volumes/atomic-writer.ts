// Writes a set of files so that readers see all of the old or all of the new: a new directory, then one symbolic link is
// renamed over (upstream's volume/util/atomic_writer.go layout, which programs in containers rely on).
import type { NodeMachine } from '#host/node-machine.ts';

export interface PayloadFile {
  readonly content: Uint8Array;
  readonly mode: number;
  readonly uid?: number | undefined;
}
/** By relative path. */
export type Payload = ReadonlyMap<string, PayloadFile>;

const dataName = '..data';

/** True when something changed on disk. `fsGroup`: group of every file, which may then read it. */
export async function writeAtomically(
  machine: NodeMachine,
  directory: string,
  payload: Payload,
  stamp: string,
  fsGroup: number | undefined,
): Promise<boolean> {
  const previous = await machine.readLink(`${directory}/${dataName}`);
  if (previous !== undefined && (await isSame(machine, `${directory}/${previous}`, payload))) return false;
  const version = `..${stamp}`;
  const target = `${directory}/${version}`;
  await machine.makeDirectory(target, 0o755);
  const directories = new Set<string>();
  for (const [path, file] of payload) {
    const parts = path.split('/');
    for (let length = 1; length < parts.length; length++) {
      const below = `${target}/${parts.slice(0, length).join('/')}`;
      if (!directories.has(below)) await machine.makeDirectory(below, 0o755);
      directories.add(below);
    }
    // Nobody writes here but us: the group reads, as in upstream's read-only volumes.
    const mode = fsGroup === undefined ? file.mode : file.mode | 0o440;
    await machine.write(`${target}/${path}`, file.content, mode);
    if (fsGroup !== undefined || file.uid !== undefined)
      await machine.changeOwner(`${target}/${path}`, file.uid ?? 0, fsGroup ?? 0);
  }
  if (fsGroup !== undefined)
    for (const one of [target, ...directories]) {
      await machine.changeOwner(one, 0, fsGroup);
      await machine.changeMode(one, 0o2755);
    }
  if (fsGroup !== undefined && previous === undefined) {
    await machine.changeOwner(directory, 0, fsGroup);
    await machine.changeMode(directory, 0o2777);
  }
  await machine.symlink(version, `${directory}/${dataName}`);
  const visible = new Set([...payload.keys()].map((path) => path.split('/')[0]!));
  for (const name of visible)
    if ((await machine.readLink(`${directory}/${name}`)) === undefined)
      await machine.symlink(`${dataName}/${name}`, `${directory}/${name}`);
  for (const name of await machine.list(directory)) {
    if (name === dataName || name === version || visible.has(name)) continue;
    await machine.remove(`${directory}/${name}`);
  }
  return true;
}

async function isSame(machine: NodeMachine, directory: string, payload: Payload): Promise<boolean> {
  for (const [path, file] of payload) {
    const status = await machine.status(`${directory}/${path}`);
    if (status?.type !== 'file' || status.size !== file.content.length) return false;
    if (!Buffer.from(file.content).equals(await machine.readAt(`${directory}/${path}`, 0, Math.max(1, status.size))))
      return false;
  }
  let count = 0;
  const pending = [directory];
  for (let below = pending.pop(); below !== undefined; below = pending.pop())
    for (const name of await machine.list(below)) {
      const status = await machine.status(`${below}/${name}`);
      if (status?.type === 'directory') pending.push(`${below}/${name}`);
      else count++;
    }
  return count === payload.size;
}
