// How long Pods take from an API client's create to Ready, image present, and what many of them cost the node's agent.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#kit/machine/command.ts';
import { idleFigures, memoryOf } from './idle.ts';
import { median } from './report.ts';
import type { Subject } from './subject.ts';

const namespace = 'bench-pods';
/** As many as a node takes. */
const podsMax = 250;

export interface PodFigures {
  readonly oneSeconds: number;
  readonly manySeconds: number;
  /** Of a full node. */
  readonly full: { readonly memoryMb: number; readonly cpuPercent: number };
}

export async function podFigures(subject: Subject, many: number, idleSeconds: number): Promise<PodFigures> {
  const token = await prepare(subject);
  const secondsUntilReady = (prefix: string, count: number) => untilReady(subject, token, prefix, count);
  const durations: number[] = [];
  for (let index = 0; index < 5; index++) {
    durations.push(await secondsUntilReady(`one-${index}`, 1));
    await remove(subject, `one-${index}`);
  }
  const manySeconds = await secondsUntilReady('many', many);
  await remove(subject, 'many');
  return { oneSeconds: median(durations), manySeconds, full: await fullNode(subject, token, idleSeconds) };
}

/** What the Pods that fill the node add to what the idle process has, and what it does beside them. */
async function fullNode(
  subject: Subject,
  token: string,
  idleSeconds: number,
): Promise<{ memoryMb: number; cpuPercent: number }> {
  const { machine, kubectl } = subject;
  const settle = () => sleep(30_000);
  await settle();
  const before = await memoryOf(subject);
  const here = (await machine.succeed([...kubectl, 'get', 'pods', '-A', '-o', 'name'])).split('\n').length - 1;
  await untilReady(subject, token, 'full', podsMax - here);
  await settle();
  const [full] = await idleFigures([subject], idleSeconds);
  await remove(subject, 'full');
  return { memoryMb: full!.residentMb - before.residentMb, cpuPercent: full!.cpuPercent };
}

async function prepare({ machine, kubectl }: Subject): Promise<string> {
  const inside = [...kubectl, '-n', namespace];
  await machine.succeed([...kubectl, 'create', 'namespace', namespace]);
  await machine.succeed([...inside, 'create', 'serviceaccount', 'load']);
  const role = ['create', 'clusterrolebinding', namespace, '--clusterrole=cluster-admin'];
  await machine.succeed([...kubectl, ...role, `--serviceaccount=${namespace}:load`]);
  await eventually('its service account is there', 20, async () =>
    (await machine.run([...inside, 'get', 'serviceaccount', 'default'])).code === 0 ? true : undefined,
  );
  return (await machine.succeed([...inside, 'create', 'token', 'load', '--duration=1h'])).trim();
}

/** By a client that is connected already: how long kubectl takes to start is not the cluster's time. */
async function untilReady({ machine, server }: Subject, token: string, prefix: string, count: number): Promise<number> {
  const script = path.join(import.meta.dirname, 'pod-times.mjs');
  const client = [process.execPath, script, server, namespace, prefix, String(count)];
  const { stdout, stderr } = await machine.runFromLan(['env', `TOKEN=${token}`, ...client], { timeoutSeconds: 150 });
  const line = /^ready (\d+)$/m.exec(stdout)?.[1];
  if (line === undefined) throw new Error(`${count} Pods did not become ready: ${stdout}${stderr}`);
  return Number(line) / 1000;
}

const remove = ({ machine, kubectl }: Subject, set: string) =>
  machine.succeed([...kubectl, '-n', namespace, 'delete', 'pods', '-l', `set=${set}`, '--grace-period=1'], {
    timeoutSeconds: 180,
  });
