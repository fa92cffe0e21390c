// The configuration of a running process: what changes while it runs, what needs a restart, what a mistake does.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { StatusReport } from '#assembly/status.ts';
import { ask, cli, freePort, start, temporary, waitReady } from './microshift-process.ts';

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
  run.child.kill('SIGTERM');
  assert.equal(await run.exited, 0, run.output());
});
