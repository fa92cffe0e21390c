// Load on the API from another host of the machine's LAN: wrk over TLS with a service account's token. Needs wrk (Debian: wrk).
import path from 'node:path';
import type { Machine } from '#kit/machine/machine.ts';

export interface LoadFigures {
  readonly name: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of a light request (/livez) that another client makes meanwhile: what probes and heartbeats would wait. */
  readonly lightP99Ms: number;
}

const namespace = 'bench-load';
const objectsInList = 200;
const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
const kubectl = ['kubectl', '--context', 'microshift', '-n', namespace];

interface Load {
  readonly name: string;
  readonly operation: 'read' | 'create' | 'patch';
  readonly target: string;
  readonly connections: number;
}
/** In this order: CREATE leaves thousands of objects, of which the page of 500 is one. */
const loads: readonly Load[] = [
  { name: 'GET a Pod', operation: 'read', target: `/api/v1/namespaces/${namespace}/pods/one`, connections: 32 },
  {
    name: `LIST ${objectsInList} ConfigMaps`,
    operation: 'read',
    target: `${configMaps}?labelSelector=set%3Dlisted`,
    connections: 8,
  },
  { name: 'PATCH a ConfigMap', operation: 'patch', target: `${configMaps}/listed-`, connections: 32 },
  { name: 'CREATE a ConfigMap', operation: 'create', target: configMaps, connections: 32 },
  { name: 'LIST a page of 500', operation: 'read', target: `${configMaps}?limit=500`, connections: 4 },
];

/** Leaves what it made in the namespace, for what is measured next; `removeLoad` takes it away. */
export async function apiLoad(machine: Machine, seconds: number): Promise<LoadFigures[]> {
  const server = `https://${machine.address}:6443`;
  const token = await prepare(machine);
  const here = import.meta.dirname;
  const figures: LoadFigures[] = [];
  for (const { name, operation, target, connections } of loads) {
    const environment = [`TOKEN=${token}`, `OPERATION=${operation}`, `TARGET=${target}`];
    const wrk = [
      'wrk',
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--timeout',
      '10s',
      '-s',
      path.join(here, 'load.lua'),
      server,
    ];
    const timeoutSeconds = seconds + 30;
    const [load, light] = await Promise.all([
      machine.runFromLan(['env', ...environment, ...wrk], { timeoutSeconds }),
      machine.runFromLan(
        [process.execPath, path.join(here, 'light-request.mjs'), `${server}/livez`, String(seconds - 1)],
        { timeoutSeconds },
      ),
    ]);
    const found = /^figures (\S+) (\S+) (\S+) (\d+)$/m.exec(load.stdout);
    if (found === null || light.code !== 0) throw new Error(`${name}: ${load.stdout}${load.stderr}${light.stderr}`);
    if (found[4] !== '0') throw new Error(`${name}: ${found[4]} requests failed`);
    figures.push({
      name: `${name}, ${connections} connections`,
      perSecond: Number(found[1]),
      p50Ms: Number(found[2]),
      p99Ms: Number(found[3]),
      lightP99Ms: Number(light.stdout.split(' ')[0]),
    });
  }
  return figures;
}

export const removeLoad = (machine: Machine): Promise<string> =>
  machine.succeed(['kubectl', '--context', 'microshift', 'delete', 'namespace', namespace, '--timeout=110s'], {
    timeoutSeconds: 120,
  });

export async function prepare(machine: Machine): Promise<string> {
  await machine.succeed(['kubectl', '--context', 'microshift', 'create', 'namespace', namespace]);
  await machine.succeed([...kubectl, 'create', 'serviceaccount', 'load']);
  await machine.succeed([
    ...kubectl,
    'create',
    'clusterrolebinding',
    'bench-load',
    '--clusterrole=cluster-admin',
    `--serviceaccount=${namespace}:load`,
  ]);
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
  await machine.succeed([...kubectl, 'create', '-f', '-'], {
    input: [pod, ...items].map((one) => JSON.stringify(one)).join('\n---\n'),
    timeoutSeconds: 60,
  });
  return (await machine.succeed([...kubectl, 'create', 'token', 'load', '--duration=1h'])).trim();
}
