// A Debian 12 root in which `CONFIG_ENV_ONLY=true ./install.sh` has run, made once for each state of the sources and copied by
// the tests that start MicroShift in it.
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { cacheDirectory, copyProject, copyRoot, freshDebian } from '#kit/machine/debian-root.ts';
import { Machine, removeRoot } from '#kit/machine/machine.ts';
import { readHostState, type HostState } from './host-state.ts';

export interface Preparation {
  /** The host before anything was installed. */
  readonly pristine: HostState;
  /** Debian packages before anything was installed. */
  readonly packages: readonly string[];
  readonly installCode: number;
  readonly installOutput: string;
  readonly processesAfter: string;
}

const repository = path.resolve(import.meta.dirname, '../../..');

function sourceDigest(): string {
  const hash = createHash('sha256');
  const files = globSync(
    [
      'src/**',
      'scripts/**',
      'packaging/**',
      'examples/**',
      'test/kit/traffic.mjs',
      '*.sh',
      'package*.json',
      'tools/package.json',
      'tsconfig.json',
    ],
    { cwd: repository, withFileTypes: true },
  )
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    // Nothing of the bench is built or installed.
    .filter((file) => !path.relative(repository, file).startsWith('scripts/bench'))
    .toSorted();
  for (const file of files) hash.update(`${path.relative(repository, file)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/** A new root, prepared; the caller removes it. */
export async function preparedRoot(name: string): Promise<{ root: string; preparation: Preparation }> {
  const prepared = `prepared-${sourceDigest()}`;
  const record = path.join(cacheDirectory, `${prepared}.json`);
  if (!existsSync(record)) await prepare(prepared, record);
  return {
    root: await copyRoot(path.join(cacheDirectory, prepared), name),
    preparation: JSON.parse(readFileSync(record, 'utf8')) as Preparation,
  };
}

const preparedMax = 3;

/** Keeps the newest few: another test may be copying one. */
function removeOldest(): void {
  mkdirSync(cacheDirectory, { recursive: true });
  const records = readdirSync(cacheDirectory)
    .filter((entry) => /^prepared-.*\.json$/.test(entry))
    .map((entry) => ({ entry, at: statSync(path.join(cacheDirectory, entry)).mtimeMs }))
    .toSorted((a, b) => b.at - a.at);
  for (const { entry } of records.slice(preparedMax - 1)) {
    removeRoot(path.join(cacheDirectory, entry));
    removeRoot(path.join(cacheDirectory, entry.replace(/\.json$/, '')));
  }
}

async function prepare(prepared: string, record: string): Promise<void> {
  removeOldest();
  // Names of this process: another may prepare at the same time.
  const name = `ms-prep-${process.pid}`;
  const work = await copyRoot(await freshDebian(), `preparing-${process.pid}`);
  await copyProject(work);
  let pristine: HostState;
  let packages: string[];
  {
    await using fresh = await Machine.boot({ name, root: work, init: 'reaper' });
    pristine = await readHostState(fresh);
    packages = (
      await fresh.shell("dpkg-query -W -f '${Package} ${db:Status-Status}\\n' | grep ' installed$' | cut -d ' ' -f 1")
    )
      .trim()
      .split('\n');
  }
  await using online = await Machine.boot({ name, root: work, init: 'reaper', network: 'registries' });
  const certificates =
    process.env.NODE_EXTRA_CA_CERTS === undefined ? [] : ['NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt'];
  const result = await online.run(['env', ...certificates, 'CONFIG_ENV_ONLY=true', '/root/microshift/install.sh'], {
    timeoutSeconds: 500,
  });
  const preparation: Preparation = {
    pristine,
    packages,
    installCode: result.code,
    installOutput: result.stdout + result.stderr,
    processesAfter: await online.shell('ps -eo comm='),
  };
  if (result.code !== 0) throw new Error(`CONFIG_ENV_ONLY=true ./install.sh failed:\n${preparation.installOutput}`);
  await online.halt();
  // Another process may have prepared the same sources meanwhile.
  if (existsSync(path.join(cacheDirectory, prepared))) removeRoot(work);
  else renameSync(work, path.join(cacheDirectory, prepared));
  writeFileSync(record, JSON.stringify(preparation));
}
