// `npm run bench:many [-- COUNT]`: so many control planes at once (default 100), each from the built executable: how long until the last is
// ready, what they hold in memory, and that each answers for itself. Exits with 1 when one fails.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { startControlPlane, type ControlPlane } from '../../src/library/control-plane.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', default: false }, 'idle-seconds': { type: 'string', default: '45' } },
});
if (values.help) {
  console.log(`npm run bench:many [-- COUNT] [--idle-seconds N]

  npm run build && npm run bench:many             100 control planes, looked at again after 45 s of rest
  npm run bench:many -- 5 --idle-seconds 0        five, looked at when they are ready`);
  process.exit();
}
const count = Number(positionals[0] ?? 100);
const executable = path.resolve(import.meta.dirname, '../../_output/bin/microshift');
const namespace = '/api/v1/namespaces/default/configmaps';

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: { readonly 'certificate-authority-data': string } }];
  readonly users: readonly [
    { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } },
  ];
}

function ask(one: ControlPlane, method: string, target: string, body?: object): Promise<number> {
  const { clusters, users } = parse(one.kubeconfig) as Kubeconfig;
  const pem = (base64: string): Buffer => Buffer.from(base64, 'base64');
  return new Promise((resolve, reject) => {
    const asking = request(
      new URL(target, one.server),
      {
        method,
        agent: false,
        ca: pem(clusters[0].cluster['certificate-authority-data']),
        cert: pem(users[0].user['client-certificate-data']),
        key: pem(users[0].user['client-key-data']),
        headers: { 'content-type': 'application/json' },
      },
      (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)),
    );
    asking.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Resident, anonymous, and proportional (pages that several share count for each by its part), in MB. */
function memory(processId: number): readonly number[] {
  const text = readFileSync(`/proc/${processId}/smaps_rollup`, 'utf8');
  return ['Rss', 'Anonymous', 'Pss'].map(
    (name) => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)![1]) / 1024,
  );
}
function printMemory(when: string, all: readonly ControlPlane[]): void {
  const each = all.map(({ processId }) => memory(processId));
  const sum = (index: number): number => each.reduce((total, one) => total + one[index]!, 0);
  console.log(
    `${when}: of one ${(sum(0) / all.length).toFixed(1)} MB resident, ${(sum(1) / all.length).toFixed(1)} MB anonymous; of all ${sum(2).toFixed(0)} MB (shared pages once)`,
  );
}

const began = performance.now();
const readyMs: number[] = [];
const started = await Promise.allSettled(
  Array.from({ length: count }, async () => {
    const one = await startControlPlane({ executable, startTimeoutMs: 300_000 });
    readyMs.push(performance.now() - began);
    return one;
  }),
);
const all = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
for (const one of started) if (one.status === 'rejected') console.log(String(one.reason));
try {
  console.log(
    `${all.length} of ${count} control planes are ready after ${((readyMs.at(-1) ?? 0) / 1000).toFixed(1)} s, ${((readyMs.at(-1) ?? 0) / count).toFixed(0)} ms each`,
  );
  printMemory('when ready', all);
  // What one is told, no other knows.
  const name = (index: number): string => `of-${index}`;
  const made = await Promise.all(
    all.map((one, index) =>
      ask(one, 'POST', namespace, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name(index) } }),
    ),
  );
  const own = await Promise.all(all.map((one, index) => ask(one, 'GET', `${namespace}/${name(index)}`)));
  const others = await Promise.all(
    all.map((one, index) => ask(one, 'GET', `${namespace}/${name((index + 1) % Math.max(2, all.length))}`)),
  );
  const right = all.filter((_, index) => made[index] === 201 && own[index] === 200 && others[index] === 404).length;
  console.log(`${right} of them took an object, gave it back, and knew nothing of the others'`);
  const idleSeconds = Number(values['idle-seconds']);
  if (idleSeconds > 0) {
    await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
    printMemory(`after ${idleSeconds} s of rest`, all);
  }
  if (all.length !== count || right !== count) process.exitCode = 1;
} finally {
  const stopping = performance.now();
  await Promise.all(all.map((one) => one.stop()));
  console.log(`stopped within ${((performance.now() - stopping) / 1000).toFixed(1)} s`);
}
