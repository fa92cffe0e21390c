// Load on an API from another host of its machine's LAN: wrk over TLS with a service account's token. Needs wrk (Debian: wrk).
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#kit/machine/command.ts';
import { median } from './report.ts';
import { alone, type Subject } from './subject.ts';
import { p99OfTurns, parseTurns } from './turn-times.ts';

export interface LoadFigures {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** Of a light request (/livez) that another client makes meanwhile: what probes and heartbeats would wait. */
  readonly lightP99Ms: number;
  /** Of the turns of the server's event loop, as it tells itself; undefined: it has none. */
  readonly turnP99Ms: number | undefined;
}

const namespace = 'bench-load';
const objectsInList = 200;
/** That CREATE makes, all rounds together. */
export const objectsMade = 10_000;
const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;

interface Load {
  /** Of scripts/bench/rows.ts. */
  readonly id: string;
  readonly operation: 'read' | 'create' | 'patch';
  readonly target: string;
  readonly connections: number;
}
/** In this order: CREATE leaves the objects of which the page of 500 is one. */
const loads: readonly Load[] = [
  { id: 'get', operation: 'read', target: `/api/v1/namespaces/${namespace}/pods/one`, connections: 32 },
  { id: 'list', operation: 'read', target: `${configMaps}?labelSelector=set%3Dlisted`, connections: 8 },
  { id: 'patch', operation: 'patch', target: `${configMaps}/listed-`, connections: 32 },
  { id: 'create', operation: 'create', target: configMaps, connections: 32 },
  { id: 'page', operation: 'read', target: `${configMaps}?limit=500`, connections: 4 },
];

/** The line `figures RATE P50 P99 FAILED` that load.lua prints; undefined: it printed none. */
export function parseFigures(output: string): { perSecond: number; p99Ms: number; failed: number } | undefined {
  const found = /^figures (\S+) (\S+) (\S+) (\d+)$/m.exec(output);
  return found === null
    ? undefined
    : { perSecond: Number(found[1]), p99Ms: Number(found[3]), failed: Number(found[4]) };
}

/**
 * Of every load (keys are its row's id) the medians of its rounds, for each subject. They take turns, round by round, so that what
 * else the machine does meets both; who waits is stopped. Leaves what it made in the namespace.
 */
export async function apiLoads(
  subjects: readonly Subject[],
  seconds: number,
  rounds: number,
): Promise<ReadonlyMap<string, readonly LoadFigures[]>> {
  const tokens = await Promise.all(subjects.map(prepare));
  const all = new Map<string, readonly LoadFigures[]>();
  for (const load of loads) {
    const measured: LoadFigures[][] = subjects.map(() => []);
    for (let round = 0; round < rounds; round++)
      for (const [index, subject] of subjects.entries()) {
        const others = subjects.filter((one) => one !== subject);
        const once = () => oneLoad(subject, load, tokens[index]!, { seconds, rounds, round });
        measured[index]!.push(await alone(others, once));
      }
    const middle = (figures: readonly LoadFigures[], read: (one: LoadFigures) => number) => median(figures.map(read));
    all.set(
      load.id,
      measured.map((figures) => ({
        perSecond: middle(figures, (one) => one.perSecond),
        p99Ms: middle(figures, (one) => one.p99Ms),
        lightP99Ms: middle(figures, (one) => one.lightP99Ms),
        turnP99Ms: figures.some((one) => one.turnP99Ms === undefined)
          ? undefined
          : middle(figures, (one) => one.turnP99Ms!),
      })),
    );
  }
  return all;
}

async function oneLoad(
  { machine, server, kubectl }: Subject,
  { id, operation, target, connections }: Load,
  token: string,
  { seconds, rounds, round }: { seconds: number; rounds: number; round: number },
): Promise<LoadFigures> {
  const here = import.meta.dirname;
  const count = operation === 'create' ? Math.ceil(objectsMade / rounds) : 0;
  const environment = [
    `TOKEN=${token}`,
    `OPERATION=${operation}`,
    `TARGET=${target}`,
    `COUNT=${count}`,
    `ROUND=${round}`,
  ];
  // CREATE ends when its objects are made.
  const secondsMax = count > 0 ? 60 : seconds;
  const options = { timeoutSeconds: secondsMax + 30 };
  const script = path.join(here, 'load.lua');
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${secondsMax}s`, '--timeout', '10s', '-s', script, server];
  const light = machine.startFromLan([process.execPath, path.join(here, 'light-request.mjs'), `${server}/livez`]);
  // Node takes a moment to start, which is not to fall into the measured time.
  await eventually('the light client asks', 10, async () => (light.output.includes('asks') ? true : undefined));
  const turns = async () => parseTurns(await machine.succeed([...kubectl, 'get', '--raw', '/metrics']));
  const turnsBefore = await turns();
  const load = await machine.runFromLan(['env', ...environment, ...wrk], options);
  const lightOutput = await light.stop();
  const turnP99Ms = p99OfTurns(turnsBefore, await turns());
  const figures = parseFigures(load.stdout);
  const lightP99 = /^p99 (\S+)/m.exec(lightOutput)?.[1];
  if (figures === undefined || lightP99 === undefined)
    throw new Error(`${id} on ${server}: ${load.stdout}${load.stderr}${lightOutput}`);
  if (figures.failed > 0) throw new Error(`${id} on ${server}: ${figures.failed} requests failed`);
  // Its last answers may still be on their way to disk.
  await sleep(300);
  return { perSecond: figures.perSecond, p99Ms: figures.p99Ms, lightP99Ms: Number(lightP99), turnP99Ms };
}

/** A namespace with an object to get and 200 to list; a token. */
async function prepare({ machine, kubectl }: Subject): Promise<string> {
  const inside = [...kubectl, '-n', namespace];
  await machine.succeed([...kubectl, 'create', 'namespace', namespace]);
  await machine.succeed([...inside, 'create', 'serviceaccount', 'load']);
  await machine.succeed([
    ...inside,
    'create',
    'clusterrolebinding',
    'bench-load',
    '--clusterrole=cluster-admin',
    `--serviceaccount=${namespace}:load`,
  ]);
  await eventually('its service account is there', 20, async () =>
    (await machine.run([...inside, 'get', 'serviceaccount', 'default'])).code === 0 ? true : undefined,
  );
  // Known to no scheduler: it stays as it is.
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'one' },
    spec: { schedulerName: 'none', containers: [{ name: 'c', image: 'localhost/microshift/busybox:1' }] },
  };
  const items = Array.from({ length: objectsInList }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `listed-${index}`, labels: { set: 'listed' } },
    data: { text: 'm'.repeat(900) },
  }));
  await machine.succeed([...inside, 'create', '-f', '-'], {
    input: [pod, ...items].map((one) => JSON.stringify(one)).join('\n---\n'),
    timeoutSeconds: 60,
  });
  return (await machine.succeed([...inside, 'create', 'token', 'load', '--duration=1h'])).trim();
}
