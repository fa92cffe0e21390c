import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import type { PullCredential } from './keyring.ts';
import { PullRecords } from './pull-records.ts';
import type { Verification } from './verification.ts';

const credential = (name: string, hash: string, uid = `uid-${name}`): PullCredential => ({
  auth: {},
  hash,
  secret: { uid, namespace: 'ns', name },
});
const image = (id: string, tag: string) =>
  ({ id, repoTags: [tag], repoDigests: [], size: 1, uid: null, username: '', pinned: false }) as const;

async function start(t: TestContext, images = [image('id', 'r.io/a:1')]) {
  const rootDirectory = mkdtempSync(path.join(tmpdir(), 'pull-records-'));
  t.after(() => rmSync(rootDirectory, { recursive: true }));
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const open = async (verification?: Verification) => {
    const given = { machine: linuxNodeMachine(), clock, logger: silentLogger, rootDirectory, verification };
    const records = new PullRecords(given);
    await records.load(async () => images);
    return records;
  };
  return { rootDirectory, clock, open };
}
const allows = (records: PullRecords, ...own: readonly PullCredential[]) =>
  records.allows('r.io/a:1', 'id', async () => own);

test('what nobody pulled is free; what a Secret opened asks for that Secret or the same credentials, after a restart too', async (t) => {
  const { open } = await start(t);
  const records = await open();
  assert.equal(await allows(records), true);
  await records.begun('r.io/a:1');
  assert.equal(await allows(records), false);
  records.ended('r.io/a:1', { id: 'id', credential: credential('one', 'h1') });
  await records.settled();
  for (const each of [records, await open()]) {
    assert.equal(await allows(each), false);
    assert.equal(await allows(each, credential('other', 'h9')), false);
    assert.equal(await allows(each, credential('copy', 'h1')), true);
    assert.equal(await allows(each, credential('one', 'rotated')), true);
    // Another name of the same image was never verified.
    assert.equal(await each.allows('other.io/a:1', 'id', async () => [credential('one', 'h1')]), false);
    await each.settled();
  }
});

test("the node's own login, or none, opens it for all", async (t) => {
  const { open } = await start(t);
  const records = await open();
  await records.begun('r.io/a:1');
  records.ended('r.io/a:1', { id: 'id', credential: credential('one', 'h1') });
  await records.begun('r.io/a:1');
  records.ended('r.io/a:1', { id: 'id', credential: undefined });
  assert.equal(await allows(records), true);
  await records.settled();
});

test('a crash during a pull, and a record that cannot be read, ask for credentials', async (t) => {
  const { open, rootDirectory } = await start(t);
  const records = await open();
  await records.begun('r.io/a:1');
  const after = await open();
  assert.equal(await allows(after), false);
  const [file] = readdirSync(`${rootDirectory}/image_manager/pulled`);
  writeFileSync(`${rootDirectory}/image_manager/pulled/${file}`, '{');
  assert.equal(await allows(await open()), false);
  assert.deepEqual(readdirSync(`${rootDirectory}/image_manager/pulling`), []);
});

test('records of images that are gone are forgotten, those of a pull meanwhile are not', async (t) => {
  const { open, clock, rootDirectory } = await start(t);
  const records = await open();
  for (const id of ['kept', 'gone']) {
    await records.begun(`r.io/${id}:1`);
    records.ended(`r.io/${id}:1`, { id, credential: undefined });
  }
  clock.advance(5_000);
  const listedMs = clock.now();
  await records.begun('r.io/new:1');
  records.ended('r.io/new:1', { id: 'new', credential: undefined });
  records.prune(new Set(['kept']), listedMs);
  await records.settled();
  assert.equal(readdirSync(`${rootDirectory}/image_manager/pulled`).length, 2);
});

test('what a plugin gave for a service account opened is for the Pods of that account', async (t) => {
  const { open } = await start(t);
  const account = (uid: string): PullCredential => ({
    auth: {},
    hash: 'h',
    secret: undefined,
    account: { uid, namespace: 'ns', name: 'robot' },
  });
  const records = await open();
  await records.begun('r.io/a:1');
  records.ended('r.io/a:1', { id: 'id', credential: account('a') });
  await records.begun('r.io/a:1');
  records.ended('r.io/a:1', { id: 'id', credential: credential('one', 'h1') });
  await records.settled();
  for (const one of [records, await open()]) {
    assert.equal(await allows(one, account('a')), true);
    assert.equal(await allows(one, account('b')), false);
    assert.equal(await allows(one, credential('one', 'h1')), true);
    assert.equal(await allows(one), false);
  }
});

test('the policy says of which images a Pod must show credentials', async (t) => {
  const { open } = await start(t);
  const [image, allowed] = ['r.io/a:1', ['r.io/*']];
  const policies: [Verification, boolean, boolean][] = [
    [{ policy: 'NeverVerify', allowed: [] }, true, true],
    [{ policy: 'NeverVerifyPreloadedImages', allowed: [] }, true, false],
    [{ policy: 'AlwaysVerify', allowed: [] }, false, false],
    [{ policy: 'NeverVerifyAllowlistedImages', allowed }, true, true],
    [{ policy: 'NeverVerifyAllowlistedImages', allowed: ['r.io/a'] }, true, true],
    [{ policy: 'NeverVerifyAllowlistedImages', allowed: ['r.io/b', 'q.io/*'] }, false, false],
  ];
  for (const [policy, preloaded] of policies)
    assert.equal(await allows(await open(policy)), preloaded, `${policy.policy} preloaded`);
  const records = await open();
  await records.begun(image);
  records.ended(image, { id: 'id', credential: credential('one', 'h1') });
  await records.settled();
  for (const [policy, , pulled] of policies)
    assert.equal(await allows(await open(policy)), pulled, `${policy.policy} pulled`);
  assert.equal(await allows(await open({ policy: 'AlwaysVerify', allowed: [] }), credential('one', 'h1')), true);
});
