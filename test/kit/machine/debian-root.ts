// Debian 12 roots for test machines: debootstrap once, kept in a cache folder, copied for every use. A root has what the README
// asks for (Node.js with npm) and nothing more.
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { run, succeed } from './command.ts';

export const cacheDirectory = process.env.MICROSHIFT_TEST_CACHE ?? '/var/tmp/microshift-test';
const repository = path.resolve(import.meta.dirname, '../../..');

/** Copies `from` to a new root named `name`, fast and with all attributes. */
export async function copyRoot(from: string, name: string): Promise<string> {
  const to = path.join(cacheDirectory, name);
  rmSync(to, { recursive: true, force: true });
  await succeed(['cp', '-a', '--reflink=auto', from, to], { timeoutSeconds: 120 });
  return to;
}

/** A pristine Debian 12 with Node.js and npm as they are on this machine, and systemd for the tests that boot it. */
export async function freshDebian(): Promise<string> {
  mkdirSync(cacheDirectory, { recursive: true });
  const root = path.join(cacheDirectory, 'debian');
  if (existsSync(root)) return root;
  const work = `${root}.new`;
  rmSync(work, { recursive: true, force: true });
  const include = ['ca-certificates', 'procps', 'iproute2', 'systemd', 'systemd-sysv', 'dbus'];
  await succeed(['debootstrap', '--variant=minbase', `--include=${include.join(',')}`, 'bookworm', work], {
    timeoutSeconds: 400,
  });
  const node = await systemNode();
  cpSync(node, path.join(work, 'usr/local/bin/node'));
  const npm = path.dirname(
    path.dirname(
      realpathSync((await succeed(['sh', '-c', `PATH=${path.dirname(node)}:$PATH; command -v npm`])).trim()),
    ),
  );
  cpSync(npm, path.join(work, 'usr/local/lib/node_modules/npm'), { recursive: true });
  await succeed(['ln', '-s', '../lib/node_modules/npm/bin/npm-cli.js', path.join(work, 'usr/local/bin/npm')]);
  // How this machine reaches its package registries.
  for (const file of ['/etc/resolv.conf', '/etc/ssl/certs/ca-certificates.crt'])
    if (existsSync(file)) cpSync(realpathSync(file), path.join(work, file));
  const npmrc = path.join(homedir(), '.npmrc');
  const settings = existsSync(npmrc) ? readFileSync(npmrc, 'utf8') : '';
  writeFileSync(path.join(work, 'root/.npmrc'), `${settings}\ncafile=/etc/ssl/certs/ca-certificates.crt\n`);
  renameSync(work, root);
  return root;
}

/** The Node.js of the machine, not the project's own. */
async function systemNode(): Promise<string> {
  const all = (await succeed(['which', '-a', 'node'])).trim().split('\n');
  for (const candidate of all) {
    if (candidate.includes('node_modules')) continue;
    const version = (await run([candidate, '--version'])).stdout;
    if (Number(/^v(\d+)/.exec(version)?.[1] ?? 0) >= 20) return realpathSync(candidate);
  }
  throw new Error('no Node.js 20 or later on this machine beside the project');
}

/** Puts a clone of the committed and uncommitted project, without what is ignored, at /root/microshift. */
export async function copyProject(root: string): Promise<void> {
  const files = (await succeed(['git', '-C', repository, 'ls-files', '-co', '--exclude-standard']))
    .trim()
    .split('\n')
    .filter((file) => existsSync(path.join(repository, file)));
  for (const file of files)
    cpSync(path.join(repository, file), path.join(root, 'root/microshift', file), { recursive: true });
}
