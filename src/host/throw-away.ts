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

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export function freeLoopbackPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject()));
    });
  });
}
