// A process whose machine has a wrong clock, as those without a battery have after a power cut: its clients have the right one.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ask, freePort, start, temporary, waitReady } from './microshift-process.ts';

/** Runs before everything else in the process. */
const wrongClock = (ms: number): string => `
const right = Date;
const off = ${ms} - right.now();
globalThis.Date = class extends right {
  constructor(...given) {
    if (given.length === 0) super(right.now() + off);
    else super(...given);
  }
  static now() {
    return right.now() + off;
  }
};
`;

for (const [when, ms] of [
  ['1970', 86_400_000],
  ['2099', Date.UTC(2099, 0, 1)],
] as const)
  test(`a first start in ${when}: clients are served, and when the clock is right everything goes on with the same certificates`, async (context) => {
    const directory = temporary(context);
    const dataDirectory = path.join(directory, 'data');
    const file = path.join(directory, 'clock.mjs');
    writeFileSync(file, wrongClock(ms));
    const port = await freePort();
    const maps = '/api/v1/namespaces/default/configmaps';
    const first = start(context, dataDirectory, port, [], { NODE_OPTIONS: `--import=${file}` });
    waitReady(dataDirectory);
    const made = await ask(dataDirectory, 'POST', maps, { metadata: { name: 'early' } });
    assert.equal(made.status, 201, made.text);
    assert.match(made.text, new RegExp(`"creationTimestamp":"${when}-`), 'its clock is wrong indeed');
    const kubeconfig = path.join(dataDirectory, 'resources/kubeadmin/kubeconfig');
    const before = readFileSync(kubeconfig, 'utf8');
    first.child.kill('SIGTERM');
    assert.equal(await first.exited, 0, first.output());

    const second = start(context, dataDirectory, port);
    waitReady(dataDirectory);
    assert.equal(readFileSync(kubeconfig, 'utf8'), before);
    assert.equal((await ask(dataDirectory, 'GET', `${maps}/early`)).status, 200);
    const later = await ask(dataDirectory, 'POST', maps, { metadata: { name: 'late' } });
    assert.match(later.text, new RegExp(`"creationTimestamp":"${new Date().getFullYear()}-`));
    // Controllers work, whatever time their Leases and objects were left with.
    await ask(dataDirectory, 'POST', '/api/v1/namespaces', { metadata: { name: 'later' } });
    for (let tries = 0; ; tries++) {
      const account = await ask(dataDirectory, 'GET', '/api/v1/namespaces/later/serviceaccounts/default');
      if (account.status === 200) break;
      assert.ok(tries < 100, account.text);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    second.child.kill('SIGTERM');
    assert.equal(await second.exited, 0, second.output());
  });
