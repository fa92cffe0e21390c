// What a process needs for itself that is to leave nothing behind.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** An empty directory that nobody else may read; removed at the end of the process, however it ends but by a kill. */
export function throwAwayDirectory(name: string): string {
  const directory = mkdtempSync(path.join(tmpdir(), `${name}-`));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Attempts to find a port that no other process of ours has taken a moment ago. */
const portAttemptsMax = 100;

/**
 * A port of 127.0.0.1 that nobody listens on, and that no other caller is given while this process lives: the kernel may give the
 * same one again before it is listened on.
 */
export async function reserveLoopbackPort(): Promise<number> {
  for (let attempt = 0; attempt < portAttemptsMax; attempt++) {
    const port = await freeLoopbackPort();
    if (await tookName(port)) return port;
  }
  throw new Error(`no free port of 127.0.0.1 in ${portAttemptsMax} attempts`);
}

/** An abstract socket is a name that only one process holds, and that is gone with it (unix(7)). */
function tookName(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const mark = createServer((socket) => socket.destroy());
    mark.once('error', () => resolve(false));
    mark.listen(`\0microshift-port-${port}`, () => {
      mark.unref();
      resolve(true);
    });
  });
}

function freeLoopbackPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject()));
    });
  });
}
