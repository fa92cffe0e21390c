import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { checkConfiguration } from '#assembly/config/check.ts';
import { readConfiguration } from '#assembly/config/read.ts';
import type { StatusReport } from '#assembly/status.ts';
import { createProgram } from './program.ts';
import { configurationText } from './show-config.ts';
import { duration, statusText } from './status-text.ts';

test('every command explains itself with examples', () => {
  const program = createProgram(() => {});
  for (const command of program.commands.flatMap((one) => (one.commands.length > 0 ? one.commands : [one]))) {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    assert.match(help, /\nExamples:\n {2}\S/, command.name());
    assert.notEqual(command.description(), '', command.name());
  }
});

test('the shown configuration is a file that means the same', async () => {
  const host = {
    hostname: 'edge',
    isRoot: true,
    homeDirectory: '/root',
    homeDataExists: false,
    nodeAddress: () => '192.168.1.9',
  };
  const given =
    'nodeName: a\ncluster: {dns: 10.43.0.20}\ningress: {ports: {https: 8443}}\nnode: {pinnedImages: [x, y]}\n';
  const read = async (text: string) => {
    const { raw, problems } = await readConfiguration({
      flags: { config: '/c.yaml' },
      environment: {},
      homeDirectory: '/root',
      readText: () => Promise.resolve(text),
      listNames: () => Promise.resolve([]),
    });
    return checkConfiguration(raw, host, problems);
  };
  const first = await read(given);
  assert.equal(first.configuration.ingress.httpsPort, 8443);
  const second = await read(configurationText(first.values));
  // What is written down is no longer found, so it is not followed.
  assert.deepEqual(second.configuration, { ...first.configuration, nodeIpDetected: false });
});

const report: StatusReport = {
  version: '0.1.0',
  kubernetesVersion: '1.36.2',
  processId: 7,
  startedAtMs: 0,
  uptimeMs: 90_000,
  ready: true,
  roles: ['controlplane'],
  nodeName: 'edge',
  dataDirectory: '/d',
  apiUrl: 'https://127.0.0.1:6443',
  kubeconfig: '/d/k',
  residentBytes: 2 ** 20,
  configuration: { files: [], restartNeeded: [] },
  services: [
    { name: 'storage', state: 'ready', sinceMs: 1_000, startMs: 12, waitsFor: [], problems: ['the disk is full'] },
    { name: 'api', state: 'waiting', sinceMs: 1_000, startMs: undefined, waitsFor: ['storage'], problems: [] },
  ],
};

test('status says what waits for what, and what is wrong', () => {
  const text = statusText({ ...report, ready: false }, 91_000);
  assert.match(text, /: starting: 1 of 2 parts run\n/);
  assert.match(text, /storage {2}runs {4}since 90 s, started in 12 ms/);
  assert.match(text, /api {6}waits {3}for storage/);
  assert.match(text, /What is wrong:\n {2}storage: the disk is full\n$/);
});

test('status says so when all is well', () => {
  const well = { ...report, services: [{ ...report.services[0]!, problems: [] }] };
  assert.match(statusText(well, 91_000), /runs, all well[\s\S]*Nothing is wrong\.\n$/);
});

test('status names keys that wait for a restart, and a configuration that is not used', () => {
  const well = { ...report, services: [{ ...report.services[0]!, problems: [] }] };
  const files = ['/etc/microshift/config.yaml'];
  const restartNeeded = [{ key: 'cluster.domain', source: '/etc/microshift/config.yaml:3:3' }];
  const text = statusText({ ...well, configuration: { files, restartNeeded } }, 91_000);
  assert.match(text, /A restart is needed for .*:\n {2}cluster\.domain \(from \/etc\/microshift\/config\.yaml:3:3\)\n/);
  assert.match(text, /Nothing is wrong/);
  const broken = statusText({ ...well, configuration: { files, restartNeeded: [], problem: 'no YAML' } }, 91_000);
  assert.match(broken, /What is wrong:\n {2}configuration: no YAML\n$/);
});

test('a duration is one number that people use', () => {
  assert.deepEqual([5_000, 119_000, 600_000, 7_200_000, 200_000_000].map(duration), [
    '5 s',
    '119 s',
    '10 min',
    '2 h',
    '2 days',
  ]);
});

test('a reader that goes away, as head does, is no defect', () => {
  const main = path.resolve(import.meta.dirname, '../main.ts');
  // The reader closes before the first byte is written.
  const result = spawnSync(
    'bash',
    ['-c', '"$1" "$2" show-config > >(exec true); echo "${PIPESTATUS[0]}"', 'bash', process.execPath, main],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(result.stdout, '0\n');
  assert.equal(result.stderr, '');
});
