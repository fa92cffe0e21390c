import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { systemRandom } from '#base/random.ts';
import { systemFiles } from '#host/files.ts';
import type { Store } from '../store.ts';
import { openSealing } from './sealing-key.ts';
import { openSqliteStore } from '../sqlite/store.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sealing-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const key = '/registry/secrets/default/one';
const write = (store: Store, at: string, text: string) =>
  store.write({
    key: at,
    expectedRevision: store.get(at)?.revision ?? 0,
    object: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'one', annotations: { text } } },
    durability: 'durable',
  });
const everyByte = (directory: string): Buffer =>
  Buffer.concat(readdirSync(directory).map((name) => readFileSync(path.join(directory, name))));

test('Secrets are never plain in the files of the database; without its key file it says so and touches nothing', async () => {
  const directory = path.join(folder, 'storage');
  mkdirSync(directory, { mode: 0o700 });
  const file = path.join(folder, 'secrets.key');
  const open = async (): Promise<Store> => {
    const clock = new VirtualClock(Date.UTC(2026, 0, 1));
    const sealing = await openSealing({ file, files: systemFiles, random: systemRandom, clock });
    const store = await openSqliteStore({ path: path.join(directory, 'cluster.sqlite'), clock, sealing });
    await sealing.keep();
    return store;
  };
  const first = await open();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await write(first, key, 'needle-in-haystack');
  await write(first, '/registry/configmaps/default/one', 'seen-by-all');
  const live = everyByte(directory);
  assert.deepEqual([live.includes('needle-in-haystack'), live.includes('seen-by-all')], [false, true], 'in the log');
  await first.close();
  assert.equal(everyByte(directory).includes('needle-in-haystack'), false, 'in the file');

  const kept = readFileSync(file);
  const second = await open();
  assert.equal(second.get(key)?.object().metadata.annotations?.['text'], 'needle-in-haystack');
  await second.close();
  assert.deepEqual(readFileSync(file), kept, 'the key stays');

  rmSync(file);
  await assert.rejects(open(), { name: 'OperatorError', message: /the key file .*secrets\.key is missing/ });
  assert.deepEqual(readdirSync(folder).toSorted(), ['storage'], 'no new key takes the place of the lost one');
  writeFileSync(file, 'nonsense\n');
  await assert.rejects(open(), { name: 'OperatorError', message: /secrets\.key is damaged/ });
  writeFileSync(file, kept);
  const restored = await open();
  assert.equal(restored.get(key)?.object().metadata.annotations?.['text'], 'needle-in-haystack');
  await restored.close();
});
