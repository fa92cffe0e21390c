import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { systemFiles as files } from '#host/files.ts';
import { etcdOptions, openWhenPossible } from './etcd.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'etcd-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => path.join(folder, name);

test('the files of TLS are read, and what is missing is told with its key', async () => {
  const members = ['etcd.example.com:2379'];
  const tls = { authorityFile: at('ca'), certificateFile: '', keyFile: '' };
  assert.deepEqual(await etcdOptions({ members }, files), { members });
  await assert.rejects(
    etcdOptions({ members, tls }, files),
    (error) =>
      error instanceof OperatorError &&
      error.message === `datastore.authorityFile: there is no file ${at('ca')}` &&
      /Put the PEM file there/.test(error.remedy),
  );
  writeFileSync(at('ca'), 'authority');
  assert.deepEqual(await etcdOptions({ members, tls }, files), { members, tls: { authorities: 'authority' } });
  writeFileSync(at('crt'), 'certificate');
  const both = { ...tls, certificateFile: at('crt'), keyFile: at('key') };
  await assert.rejects(etcdOptions({ members, tls: both }, files), /datastore\.keyFile: there is no file/);
  writeFileSync(at('key'), 'key');
  assert.deepEqual(await etcdOptions({ members, tls: both }, files), {
    members,
    tls: { authorities: 'authority', certificate: 'certificate', key: 'key' },
  });
});

test('what the operator can put right is waited for and told once; a defect is not hidden, and a stop ends the wait', async () => {
  const clock = new VirtualClock(0);
  const errors: string[] = [];
  let problems: readonly string[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (message) => void errors.push(message),
    named: () => logger,
  };
  const stop = new AbortController();
  let outcome: () => Promise<string> = async () => {
    throw new OperatorError('no quorum', 'Start members');
  };
  const options = {
    open: () => outcome(),
    clock,
    logger,
    stopping: stop.signal,
    show: (shown: readonly string[]) => (problems = shown),
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const opening = openWhenPossible(options);
  for (let turn = 0; turn < 3; turn++) {
    await settle();
    clock.advance(2_000);
  }
  const text = 'no quorum. Nothing is served until then; containers go on. Start members';
  assert.deepEqual([errors, problems], [[text], [text]]);
  outcome = async () => 'open';
  await settle();
  clock.advance(2_000);
  assert.equal(await opening, 'open');
  assert.deepEqual(problems, []);
  outcome = () => Promise.reject(new TypeError('a defect'));
  await assert.rejects(openWhenPossible(options), TypeError);
  outcome = () => Promise.reject(new OperatorError('no quorum', 'Start members'));
  let isOpen = false;
  void openWhenPossible(options).finally(() => (isOpen = true));
  await settle();
  stop.abort();
  await settle();
  assert.deepEqual([isOpen, clock.nextTimerAt()], [false, undefined]);
});
