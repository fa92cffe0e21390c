// What install.sh does on distributions that tests cannot run: its dry run there, compared with golden/*.txt, and its refusals.
// `UPDATE_GOLDEN=true npm test -- test/install` writes the golden files anew.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

const repository = path.resolve(import.meta.dirname, '../..');
const directory = mkdtempSync(path.join(tmpdir(), 'install-'));
after(() => rmSync(directory, { recursive: true }));

interface Distribution {
  readonly ID: string;
  readonly ID_LIKE?: string;
  readonly VERSION_ID: string;
  readonly PRETTY_NAME: string;
}
const debian: Distribution = { ID: 'debian', VERSION_ID: '12', PRETTY_NAME: 'Debian GNU/Linux 12 (bookworm)' };
const ubuntu: Distribution = { ID: 'ubuntu', ID_LIKE: 'debian', VERSION_ID: '24.04', PRETTY_NAME: 'Ubuntu 24.04 LTS' };
const fedora: Distribution = { ID: 'fedora', VERSION_ID: '43', PRETTY_NAME: 'Fedora Linux 43 (Server Edition)' };
const centos: Distribution = { ID: 'centos', ID_LIKE: 'rhel fedora', VERSION_ID: '9', PRETTY_NAME: 'CentOS Stream 9' };
const centos8: Distribution = { ...centos, VERSION_ID: '8', PRETTY_NAME: 'CentOS Stream 8' };
const centos7: Distribution = { ...centos, VERSION_ID: '7', PRETTY_NAME: 'CentOS Linux 7 (Core)' };
const rhel: Distribution = {
  ID: 'rhel',
  ID_LIKE: 'fedora',
  VERSION_ID: '9.8',
  PRETTY_NAME: 'Red Hat Enterprise Linux 9.8',
};
const rocky: Distribution = {
  ID: 'rocky',
  ID_LIKE: 'rhel centos fedora',
  VERSION_ID: '9.6',
  PRETTY_NAME: 'Rocky Linux 9.6',
};
const alpine: Distribution = { ID: 'alpine', VERSION_ID: '3.22.0', PRETTY_NAME: 'Alpine Linux v3.22' };
const arch: Distribution = { ID: 'arch', VERSION_ID: 'rolling', PRETTY_NAME: 'Arch Linux' };

/** A folder of commands that answer as those of another machine would. */
function commands(answers: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(directory, 'bin-'));
  for (const [name, answer] of Object.entries(answers)) {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${answer}\n`);
    chmodSync(file, 0o755);
  }
  return folder;
}

function dryRun(
  distribution: Distribution,
  options: {
    readonly has?: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly answers?: Readonly<Record<string, string>>;
  } = {},
) {
  const file = path.join(directory, 'os-release');
  writeFileSync(
    file,
    Object.entries(distribution)
      .map(([key, value]) => `${key}="${value}"\n`)
      .join(''),
  );
  const answers = { uname: 'echo x86_64', getconf: 'echo glibc 2.36', ...options.answers };
  const result = spawnSync('bash', [path.join(repository, 'install.sh'), '--dry-run'], {
    encoding: 'utf8',
    env: {
      PATH: `${commands(answers)}:${process.env.PATH}`,
      HOME: '/root',
      OS_RELEASE_FILE: file,
      // Nothing of this machine may show.
      DRY_RUN_HAS: options.has ?? 'nothing',
      ...options.environment,
    },
  });
  return { code: result.status, output: `${result.stdout}${result.stderr}`.replaceAll(repository, 'CLONE') };
}

const release = { MICROSHIFT_URL: 'https://example.com/microshift-0.1.0-linux-amd64.tar.gz' };
const cases: readonly [name: string, run: () => ReturnType<typeof dryRun>][] = [
  ['debian-12-clone', () => dryRun(debian, { has: 'systemd' })],
  ['ubuntu-24.04-release', () => dryRun(ubuntu, { has: 'systemd ufw', environment: release })],
  ['fedora-43-clone', () => dryRun(fedora, { has: 'systemd selinux firewalld' })],
  ['fedora-43-release', () => dryRun(fedora, { has: 'systemd selinux firewalld', environment: release })],
  ['centos-stream-9-release', () => dryRun(centos, { has: 'systemd selinux firewalld', environment: release })],
  ['centos-stream-8-clone', () => dryRun(centos8, { has: 'systemd' })],
  ['rhel-9-release', () => dryRun(rhel, { has: 'systemd selinux firewalld subscription', environment: release })],
  [
    'rocky-9-environment-only',
    () => dryRun(rocky, { has: 'systemd', environment: { ...release, CONFIG_ENV_ONLY: 'true' } }),
  ],
  [
    'debian-12-arm64-without-systemd',
    () => dryRun(debian, { environment: release, answers: { uname: 'echo aarch64' } }),
  ],
];

for (const [name, run] of cases)
  test(`install.sh on ${name} does what golden/${name}.txt says`, () => {
    const { code, output } = run();
    assert.equal(code, 0, output);
    const golden = path.join(import.meta.dirname, 'golden', `${name}.txt`);
    if (process.env.UPDATE_GOLDEN === 'true') writeFileSync(golden, output);
    assert.equal(output, readFileSync(golden, 'utf8'));
  });

test('install.sh refuses what cannot work, and says what to do', () => {
  const refused = (distribution: Distribution, options: Parameters<typeof dryRun>[1], message: RegExp) => {
    const { code, output } = dryRun(distribution, options);
    assert.equal(code, 1, output);
    assert.match(output, message);
    assert.match(output, /What to do: /);
    assert.doesNotMatch(output, / {6}\+ /, 'nothing is done before the refusal');
  };
  refused(
    centos7,
    { answers: { getconf: 'echo glibc 2.17' } },
    /CentOS Linux 7 \(Core\) is too old: its C library is glibc 2\.17, MicroShift needs 2\.28/,
  );
  refused(alpine, { answers: { getconf: 'exit 1' } }, /Alpine Linux v3\.22 has no GNU C library/);
  refused(arch, {}, /Arch Linux is not supported; Debian, Ubuntu, Fedora, CentOS Stream and RHEL are/);
  refused(debian, { answers: { uname: 'echo riscv64' } }, /processor type riscv64 is not supported/);
});

test('install.sh on RHEL without a subscription stops at the repository', () => {
  const { code, output } = dryRun(rhel, { has: 'systemd', environment: release });
  assert.equal(code, 1);
  assert.match(output, /not registered.*\n.*What to do: subscription-manager register/);
  assert.doesNotMatch(output, /\+ dnf install/);
});

test('install.sh --help and an unknown option', () => {
  const run = (option: string) =>
    spawnSync('bash', [path.join(repository, 'install.sh'), option], { encoding: 'utf8' });
  assert.match(run('--help').stdout, /MICROSHIFT_URL=URL bash/);
  assert.equal(run('--help').status, 0);
  assert.equal(run('--wrong').status, 1);
  assert.match(run('--wrong').stderr, /unknown option --wrong/);
});

test('install.sh does nothing when its download broke off', () => {
  const script = readFileSync(path.join(repository, 'install.sh'), 'utf8');
  const lines = script.split('\n');
  for (const part of [0.3, 0.6, 0.9]) {
    const cut = lines.slice(0, Math.floor(lines.length * part)).join('\n');
    const result = spawnSync('bash', { input: cut, encoding: 'utf8', env: { PATH: process.env.PATH ?? '' } });
    assert.equal(result.stdout, '', `cut at ${part}`);
  }
});

test('install.sh knows a machine that is only a node by its configuration', () => {
  const script = readFileSync(path.join(repository, 'install.sh'), 'utf8');
  const joins = script.split('\n').find((line) => line.startsWith('joins()'));
  const asked = (roles: string) => {
    const configuration = `# roles of this machine\nroles: ${roles} # from /etc/microshift/config.yaml\nnodeName: "a"`;
    const binary = path.join(commands({ microshift: `cat <<'END'\n${configuration}\nEND` }), 'microshift');
    return spawnSync('bash', ['-euo', 'pipefail', '-c', `${joins ?? 'exit 9'}; joins`], {
      env: { PATH: process.env.PATH ?? '', BINARY: binary },
    }).status;
  };
  assert.equal(asked('["node"]'), 0);
  assert.equal(asked('["controlplane","node"]'), 1);
  assert.equal(asked('["controlplane"]'), 1);
});
