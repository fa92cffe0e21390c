// Packs the data directory of a whole control plane of an earlier version, for test/e2e/assembly/upgrade.test.ts:
// node test/upgrade/make-cluster.ts CHECKOUT NAME runs that checkout (with its node_modules), makes some objects, notes everything that
// its API has, ends it, and writes clusters/NAME.json.gz. The keys in it are of no cluster that anybody uses.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { everything } from '../e2e/assembly/every-object.ts';
import { ask, freePort } from '../e2e/assembly/microshift-process.ts';
import type { ClusterFixture } from './fixture.ts';

const [root = '', name = ''] = process.argv.slice(2);
const work = mkdtempSync(path.join(tmpdir(), 'cluster-'));
const data = path.join(work, 'data');
mkdirSync(data, { mode: 0o700 });
const port = await freePort();
const child = spawn(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    path.resolve(root, 'src/main.ts'),
    'run',
    '--data-dir',
    data,
    '--roles',
    'controlplane',
  ],
  {
    env: {
      PATH: process.env['PATH'],
      HOME: data,
      MICROSHIFT_CLUSTER_URL: `https://127.0.0.1:${port}`,
      MICROSHIFT_NODENAME: 'edge-1',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  },
);
process.on('exit', () => child.kill('SIGKILL'));
let log = '';
child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
for (let turn = 0; !/MicroShift is ready/.test(log); turn++) {
  assert.ok(turn < 300, log);
  await pause(100);
}
const make = async (at: string, object: object): Promise<void> => {
  const { status, text } = await ask(data, 'POST', at, object);
  assert.equal(status, 201, text);
};
const metadata = { name: 'kept', labels: { app: 'kept' }, annotations: { note: 'ünïcode — 漢字' } };
await make('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kept' } });
const template = {
  metadata: { labels: { app: 'kept' } },
  spec: { containers: [{ name: 'web', image: 'example.com/web:1' }] },
};
await make('/apis/apps/v1/namespaces/kept/deployments', {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata,
  spec: { replicas: 2, selector: { matchLabels: { app: 'kept' } }, template },
});
await make('/api/v1/namespaces/kept/secrets', {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata,
  stringData: { a: 'hidden' },
});
await make('/api/v1/namespaces/kept/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } });
await make('/api/v1/namespaces/kept/services', {
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { selector: { app: 'kept' }, ports: [{ port: 80 }] },
});
await make('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.kept.example.com' },
  spec: {
    group: 'kept.example.com',
    scope: 'Namespaced',
    names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});
const things = '/apis/kept.example.com/v1/namespaces/kept/things';
let isServed = false;
for (let turn = 0; !isServed && turn < 30; turn++) {
  await pause(100);
  isServed = (await ask(data, 'GET', things)).status === 200;
}
// The first versions have kept definitions, and served nothing of them.
if (isServed)
  await make(things, {
    apiVersion: 'kept.example.com/v1',
    kind: 'Thing',
    metadata,
    spec: { any: [1, { thing: 2.5 }] },
  });
// The first versions say of some kinds that they are listed, which are not. Controllers have done what there is to do.
await pause(3_000);
const objects = [...(await everything(data, undefined, [405])).values()];
child.kill('SIGTERM');
await once(child, 'exit');
const files: Record<string, string> = {};
for (const entry of readdirSync(data, { recursive: true, withFileTypes: true }))
  if (entry.isFile()) {
    const file = path.join(entry.parentPath, entry.name);
    // What was changed on the machine that made it is no matter of another one.
    if (entry.name !== 'host-changes.jsonl') files[path.relative(data, file)] = readFileSync(file).toString('base64');
  }
const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const fixture: ClusterFixture = { commit, objects, files };
mkdirSync(path.join(import.meta.dirname, 'clusters'), { recursive: true });
writeFileSync(
  path.join(import.meta.dirname, 'clusters', `${name}.json.gz`),
  gzipSync(JSON.stringify(fixture), { level: 9 }),
  {
    flag: 'wx',
  },
);
rmSync(work, { recursive: true });
