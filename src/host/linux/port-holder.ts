// Who listens on a port: for the message that says that it is in use.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortHolder {
  readonly processId: number;
  readonly command: string;
}

const listening = '0A';

/** Inodes of the sockets that listen on `port`, of the text of /proc/net/tcp or tcp6. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[1]?.endsWith(suffix) === true && fields[3] === listening ? [fields[9] ?? ''] : [];
  });
}

/** Undefined when nobody is found, or this user may not see whose it is. */
export function portHolder(port: number): PortHolder | undefined {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listeningInodes(read(file), port)));
  if (inodes.size === 0) return undefined;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      for (const descriptor of readdirSync(`/proc/${name}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${name}/fd/${descriptor}`))?.[1];
        if (inode !== undefined && inodes.has(inode))
          return { processId: Number(name), command: read(`/proc/${name}/comm`).trim() };
      }
    } catch {
      // It is gone, or belongs to somebody else.
    }
  }
  return undefined;
}
