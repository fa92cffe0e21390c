// Gives a volume's files to the Pod's group (fsGroup), as upstream's volume_linux.go does.
import type { NodeMachine } from '#host/node-machine.ts';

type Machine = Pick<NodeMachine, 'status' | 'list' | 'changeOwner' | 'changeMode'>;

/** `policy`: OnRootMismatch leaves alone what has the group at its root already. */
export async function giveToGroup(
  machine: Machine,
  path: string,
  gid: number,
  policy: string | undefined,
  readOnly = false,
): Promise<void> {
  if (policy === 'OnRootMismatch' && (await fits(machine, path, gid, readOnly))) return;
  await give(machine, path, gid, readOnly);
}

/** Upstream's requiresPermissionChange: the root of the volume speaks for what is below it. */
async function fits(machine: Machine, path: string, gid: number, readOnly: boolean): Promise<boolean> {
  const status = await machine.status(path);
  const wanted = (readOnly ? 0o440 : 0o660) | 0o2110;
  return status?.type === 'directory' && status.gid === gid && (status.mode & wanted) === wanted;
}

/** The root last: OnRootMismatch takes it as the sign that all is done. */
async function give(machine: Machine, path: string, gid: number, readOnly: boolean): Promise<void> {
  const status = await machine.status(path, false);
  if (status === undefined) return;
  const isDirectory = status.type === 'directory';
  if (isDirectory) for (const name of await machine.list(path)) await give(machine, `${path}/${name}`, gid, readOnly);
  await machine.changeOwner(path, status.uid, gid);
  if (status.type === 'symlink') return;
  await machine.changeMode(path, status.mode | (readOnly ? 0o440 : 0o660) | (isDirectory ? 0o2110 : 0));
}
