// Real processes on bad disks, and two on one directory: each waits or says clearly what is wrong, none ends by itself that has its
// directory, and everything that was acknowledged is there.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiskFaults } from '../linearizability/disk-faults.ts';
import { type Json, Machine } from './machine.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'store-faults-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
function directoryOf(name: string): string {
  const directory = path.join(scratch, name);
  mkdirSync(directory);
  return directory;
}
const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, text = '') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { text },
});
const isReady = /MicroShift is ready/;

test('a second process on one directory is refused, and told which is the first; that goes on', async () => {
  const directory = directoryOf('two');
  const first = await Machine.start({ directory });
  try {
    await first.says(isReady);
    assert.equal((await first.ask('POST', configMaps, configMap('before'))).status, 201);
    const second = await Machine.start({ directory });
    assert.equal(await second.ended(), 1);
    assert.match(
      second.log,
      new RegExp(`Another MicroShift \\(process ${first.pid}\\) is running on the data directory`),
    );
    assert.match(second.log, new RegExp(`Stop it first \\(kill ${first.pid}, `));
    assert.equal((await first.ask('POST', configMaps, configMap('behind'))).status, 201);
    assert.equal((await first.ask('GET', `${configMaps}/before`)).status, 200);
    assert.doesNotMatch(first.log, / E /);
  } finally {
    await first.end();
  }
});

test('a disk that is read-only at the start, then full, then full at work', async () => {
  const machine = await Machine.start({ directory: directoryOf('disk'), disk: { megabytes: 32, options: ',ro' } });
  try {
    await machine.says(/the disk of the data directory .* is read-only: make it writable/);
    machine.remount('rw');
    // Before it looks again.
    machine.fill();
    await machine.says(/has 0 MB left, and a first start needs 8 MB: make room/);
    await sleep(500);
    machine.makeRoom();
    await machine.says(isReady);

    // Up to the reserve.
    const steady = configMap('steady', 'v00000');
    assert.equal((await machine.ask('POST', configMaps, steady)).status, 201);
    const acknowledged: string[] = ['steady'];
    const text = 'x'.repeat(40_000);
    let answer;
    for (let count = 0; ; count++) {
      answer = await machine.ask('POST', configMaps, configMap(`c${count}`, text));
      if (answer.status !== 201 || count > 2_000) break;
      acknowledged.push(`c${count}`);
    }
    assert.deepEqual([answer.status, answer.json.message], [500, 'etcdserver: mvcc: database space exceeded']);
    assert.ok(acknowledged.length > 50, `${acknowledged.length}`);
    // Somebody else takes the reserve too: what needs no room fails as well, and is no defect.
    machine.fill();
    const patch = (text: string) =>
      machine.ask('PATCH', `${configMaps}/steady`, { data: { text } }, 'application/merge-patch+json');
    let last = 'v00000';
    let refused: Json;
    for (let count = 0; count < 2_000 && refused === undefined; count++) {
      const { status, json } = await patch(`v${10_000 + count}`);
      if (status === 200) last = `v${10_000 + count}`;
      else refused = { status, json };
    }
    assert.equal(refused?.status, 503, JSON.stringify(refused));
    assert.match(refused.json.message, /the disk of the data file is full: nothing can be written until there is room/);
    assert.equal(refused.json.details.retryAfterSeconds, 5);
    assert.equal((await machine.ask('GET', `${configMaps}/steady`)).json.data.text, last);
    const readyz = await machine.ask('GET', '/readyz?verbose');
    assert.match(String(readyz.json), /\[-\]storage failed/, 'health tells');
    assert.equal((await machine.ask('GET', '/livez')).status, 200, 'nobody is to start it again for that');

    // By itself, when there is room.
    machine.makeRoom();
    const until = performance.now() + 10_000;
    while ((await patch('vagain')).status !== 200) assert.ok(performance.now() < until, 'it goes on');
    assert.equal((await machine.ask('DELETE', `${configMaps}/c1`)).status, 200);
    const { items } = (await machine.ask('GET', configMaps)).json;
    assert.deepEqual(
      items
        .map((one: Json) => one.metadata.name)
        .filter((name: string) => name !== 'kube-root-ca.crt' && name !== 'openshift-service-ca.crt')
        .toSorted(),
      acknowledged.filter((name) => name !== 'c1').toSorted(),
    );
    assert.equal(machine.exitCode, null);
    assert.doesNotMatch(machine.log, /defect/);
  } finally {
    await machine.end();
  }
});

test('each sync takes ten seconds: writes wait and are acknowledged, reads and watches go on, and it is told', async () => {
  const directory = directoryOf('slow');
  const disk = new DiskFaults(scratch, path.join(directory, 'data', 'storage'));
  const machine = await Machine.start({ directory, environment: disk.environment });
  try {
    await machine.says(isReady);
    assert.equal((await machine.ask('POST', configMaps, configMap('before'))).status, 201);
    const watch = await machine.open('GET', `${configMaps}?watch=1`);
    let watched = '';
    watch.setEncoding('utf8').on('data', (chunk: string) => (watched += chunk));
    let others: Promise<{ status: number }>[] = [];
    await disk.during(10_000, async () => {
      const began = performance.now();
      const first = machine.ask('POST', configMaps, configMap('first'));
      await sleep(200);
      // All of these are one transaction behind the first.
      others = Array.from({ length: 100 }, (_, index) => machine.ask('POST', configMaps, configMap(`o${index}`)));
      for (let count = 0; performance.now() - began < 9_000; count++) {
        const askedAt = performance.now();
        assert.equal((await machine.ask('GET', `${configMaps}/before`)).status, 200);
        assert.equal((await machine.ask('GET', `${configMaps}/first`)).status, 404, 'nobody sees what is not on disk');
        assert.equal((await machine.ask('GET', '/livez')).status, 200);
        assert.ok(performance.now() - askedAt < 2_000, 'reading does not wait');
        await sleep(500);
      }
      assert.doesNotMatch(watched, /"first"/);
      assert.equal((await first).status, 201);
      assert.ok(performance.now() - began > 9_500);
      await machine.says(/a write took \d+ s to reach the disk/);
    });
    const answers = await Promise.all(others);
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
    assert.match(watched, /"first"/);
    assert.match(watched, /"o99"/);
    await machine.end();
    const again = await Machine.start({ directory });
    try {
      await again.says(isReady);
      const { items } = (await again.ask('GET', configMaps)).json;
      const names = new Set(items.map((one: Json) => one.metadata.name));
      for (let index = 0; index < 100; index++) assert.ok(names.has(`o${index}`), `o${index} was acknowledged`);
    } finally {
      await again.end();
    }
  } finally {
    await machine.end();
  }
});
