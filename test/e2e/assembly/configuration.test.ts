// The configuration of a running process: what changes while it runs, what needs a restart, what a mistake does.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import type { StatusReport } from '#assembly/status.ts';
import { ask, cli, main, freePort, start, temporary, waitReady } from './microshift-process.ts';

test('changed files are noticed: keys are applied, wait for a restart, or are refused while the ones before stay', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  // HOME is the data directory there.
  const directory = path.join(dataDirectory, '.microshift');
  mkdirSync(path.join(directory, 'config.d'), { recursive: true });
  const write = (name: string, text: string): void => {
    writeFileSync(path.join(directory, `${name}.new`), text);
    renameSync(path.join(directory, `${name}.new`), path.join(directory, name));
  };
  write('config.yaml', 'nodeName: edge-1\n');
  const run = start(context, dataDirectory, await freePort());
  waitReady(dataDirectory);
  const shows = async (pattern: RegExp): Promise<void> => {
    for (let i = 0; i < 100 && !pattern.test(run.output()); i++) await wait(50);
    assert.match(run.output(), pattern);
  };
  const state = () => (JSON.parse(cli(dataDirectory, 'status', '-o', 'json').stdout) as StatusReport).configuration;

  assert.doesNotMatch(run.output(), / D /);
  write('config.d/10-log.yaml', 'debugging: {logLevel: Debug}\n');
  await shows(/configuration: the changed configuration is applied keys=logVLevel/);

  const auditFile = path.join(dataDirectory, 'audit/kube-apiserver-audit.log');
  write(
    'config.d/20-audit.yaml',
    `auditLogDir: ${path.dirname(auditFile)}\napiServer: {auditLog: {profile: WriteRequestBodies}}\n`,
  );
  await shows(/is applied keys="auditLogDir, apiServer\.auditLog\.profile"/);
  const made = (kind: string, value: object) => ({ apiVersion: 'v1', kind, metadata: { name: 'one' }, ...value });
  await ask(
    dataDirectory,
    'POST',
    '/api/v1/namespaces/default/configmaps',
    made('ConfigMap', { data: { a: 'plain' } }),
  );
  await ask(
    dataDirectory,
    'POST',
    '/api/v1/namespaces/default/secrets',
    made('Secret', { stringData: { a: 'hidden' } }),
  );
  // Lines of one turn are written at its end.
  await ask(dataDirectory, 'GET', '/api/v1/namespaces/default/secrets/one');
  const audited = readFileSync(auditFile, 'utf8');
  assert.match(audited, /"requestObject":\{[^}]*"kind":"ConfigMap".*"plain"/);
  assert.match(audited, /"resource":"secrets"/);
  assert.doesNotMatch(audited, /hidden|aGlkZGVu/);
  assert.equal(statSync(auditFile).mode & 0o777, 0o600);

  write('config.yaml', 'nodeName: edge-2\n');
  await shows(/a restart is needed .*nodeName \(from .*config\.yaml:1:1\)/);
  const status = cli(dataDirectory, 'status');
  assert.equal(status.status, 0);
  assert.match(
    status.stdout,
    /Configured .*config\.yaml, .*10-log\.yaml, .*\n[\s\S]*A restart is needed for [\s\S]* nodeName/,
  );

  write('config.yaml', 'nodeName: edge-1\nclustr: {}\n');
  await shows(/the changed configuration is not used; the one before stays/);
  const broken = cli(dataDirectory, 'status');
  assert.equal(broken.status, 1);
  assert.match(
    broken.stdout,
    /What is wrong:\n {2}configuration: clustr \(from .*config\.yaml:2:1\).* Did you mean cluster/,
  );

  write('config.yaml', 'nodeName: edge-1\n');
  await shows(/the configuration is without mistakes again/);
  assert.deepEqual([state().problem, state().restartNeeded], [undefined, []]);
  run.child.kill('SIGHUP');
  await shows(/somebody asks for looking at the configuration again/);
  run.child.kill('SIGTERM');
  assert.equal(await run.exited, 0, run.output());
});

test('what show-config prints is a file that means the same, and says where each value is from', (context) => {
  const directory = temporary(context);
  const file = path.join(directory, 'config.yaml');
  const show = (...args: readonly string[]) => {
    const result = cli(directory, 'show-config', ...args);
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
  };
  writeFileSync(file, show('-m', 'default'));
  const values = JSON.parse(show('-o', 'json', '--config', file)) as Record<string, { value: unknown; source: string }>;
  assert.match(values['cluster.domain']?.source ?? '', /config\.yaml:\d+:3$/);
  assert.deepEqual(values['dataDir'], { value: directory, source: '--data-dir' });
  assert.match(show('--config', file), /\n {2}domain: "cluster\.local" # .*config\.yaml:\d+:3\n/);
  const wrong = cli(directory, 'show-config', '-m', 'other');
  assert.deepEqual([wrong.status, wrong.stderr.includes('Modes are default and effective')], [2, true]);
});

test("version prints the original's fields", (context) => {
  const directory = temporary(context);
  const asked = (...args: readonly string[]) =>
    spawnSync(process.execPath, [main, 'version', ...args], { cwd: directory, encoding: 'utf8' });
  const json = JSON.parse(asked('-o', 'json').stdout) as Record<string, string>;
  assert.deepEqual(parse(asked('-o', 'yaml').stdout), json);
  assert.deepEqual(Object.keys(json).toSorted(), [
    'buildDate',
    'compiler',
    'gitCommit',
    'gitTreeState',
    'gitVersion',
    'goVersion',
    'kubernetesVersion',
    'major',
    'minor',
    'patch',
    'platform',
  ]);
  assert.equal([json['major'], json['minor'], json['patch']].join('.'), json['gitVersion']);
  assert.match(
    asked().stdout,
    new RegExp(`^MicroShift Version: ${json['gitVersion']}\\nKubernetes Version: 1\\.36\\.`),
  );
  assert.equal(asked('-o', 'xml').status, 2);
});
