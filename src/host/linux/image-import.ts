// Images that were brought along as OCI archives, into containerd: once an archive, again when it changed.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Gives the archives that were imported now. `stateFile` remembers what is done; it belongs beside the runtime's own data. */
export async function importImageArchives(options: {
  readonly socketPath: string;
  readonly directory: string;
  readonly stateFile: string;
}): Promise<readonly string[]> {
  const { socketPath, directory, stateFile } = options;
  let names: string[];
  try {
    names = readdirSync(directory)
      .filter((name) => name.endsWith('.tar'))
      .toSorted();
  } catch {
    return [];
  }
  const done = readState(stateFile);
  const imported: string[] = [];
  for (const name of names) {
    const file = path.join(directory, name);
    const { size, mtimeMs } = statSync(file);
    const version = `${size} ${Math.floor(mtimeMs)}`;
    if (done[file] === version) continue;
    await run('ctr', ['--address', socketPath, '--namespace', 'k8s.io', 'images', 'import', file]);
    done[file] = version;
    imported.push(name);
  }
  if (imported.length > 0) {
    writeFileSync(`${stateFile}.new`, JSON.stringify(done), { mode: 0o600 });
    renameSync(`${stateFile}.new`, stateFile);
  }
  return imported;
}

function readState(file: string): Record<string, string> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    // Written by this file only; anything else means: import again.
    return typeof value === 'object' && value !== null ? (value as Record<string, string>) : {};
  } catch {
    return {};
  }
}
