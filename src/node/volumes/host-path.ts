// Paths of the host in Pods: what their type demands.
import type { NodeMachine } from '#host/node-machine.ts';

/** Makes what its type says that there shall be, or throws. */
export async function checkHostPath(machine: NodeMachine, path: string, type: string): Promise<void> {
  if (type === '') return;
  const status = await machine.status(path);
  const fail = (what: string) => new Error(`hostPath type check failed: ${path} is not ${what}`);
  switch (type) {
    case 'DirectoryOrCreate':
      if (status === undefined) await machine.makeDirectory(path, 0o755);
      else if (status.type !== 'directory') throw fail('a directory');
      return;
    case 'Directory':
      if (status?.type !== 'directory') throw fail('a directory');
      return;
    case 'FileOrCreate':
      if (status === undefined) await machine.write(path, '', 0o644);
      else if (status.type === 'directory') throw fail('a file');
      return;
    case 'File':
      if (status?.type !== 'file') throw fail('a file');
      return;
    case 'Socket':
      if (status?.type !== 'socket') throw fail('a socket file');
      return;
    case 'CharDevice':
      if (status?.type !== 'character-device') throw fail('a character device');
      return;
    case 'BlockDevice':
      if (status?.type !== 'block-device') throw fail('a block device');
      return;
    default:
      throw new Error(`${JSON.stringify(type)} is an invalid volume type`);
  }
}
