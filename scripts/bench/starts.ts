// How long starts take, first ones (nothing there) and later ones. Rounds take turns with upstream.
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './report.ts';
import type { Machine } from '#kit/machine/machine.ts';
import type { Peer } from './peer.ts';

const supervise = '/usr/local/libexec/microshift-supervise';

export interface StartFigures {
  readonly readyzSeconds: number;
  /** `microshift wait` ended; undefined of upstream. */
  readonly allSeconds?: number;
}

async function timeToReady(machine: Machine, url: string, start: () => Promise<unknown>): Promise<[number, number]> {
  const probe = machine.succeed(['node', '/root/microshift/test/kit/ready-probe.mjs', url, '60'], {
    timeoutSeconds: 70,
  });
  // Should the start fail, that is what is told.
  probe.catch(() => {});
  // The probe is a program that has to start, too.
  await sleep(300);
  const began = Date.now();
  await start();
  return [began, (Number((await probe).trim()) - began) / 1000];
}

export async function timeOurStart(machine: Machine): Promise<StartFigures> {
  const [began, readyzSeconds] = await timeToReady(machine, 'https://127.0.0.1:6443/readyz', () =>
    machine.succeed([supervise, 'start']),
  );
  await machine.succeed(['microshift', 'wait', '--timeout', '60'], { timeoutSeconds: 70 });
  return { readyzSeconds, allSeconds: (Date.now() - began) / 1000 };
}

async function timePeerStart(peer: Peer): Promise<StartFigures> {
  try {
    const [, readyzSeconds] = await timeToReady(peer.machine, peer.readyUrl, () => peer.startServer());
    return { readyzSeconds };
  } catch (error) {
    throw new Error(`upstream does not start:\n${await peer.logs()}`, { cause: error });
  }
}

export interface Starts {
  readonly first: StartFigures;
  readonly later: StartFigures;
  readonly peer?: { readonly first: StartFigures; readonly later: StartFigures };
}

const middle = (figures: readonly StartFigures[]): StartFigures => ({
  readyzSeconds: median(figures.map((one) => one.readyzSeconds)),
  ...(figures.some((one) => one.allSeconds === undefined)
    ? {}
    : { allSeconds: median(figures.map((one) => one.allSeconds!)) }),
});

/** All run when it ends; `rounds` is 1 or more. */
export async function timeStarts(machine: Machine, peer: Peer | undefined, rounds: number): Promise<Starts> {
  const ours: { first: StartFigures; later: StartFigures }[] = [];
  const peers: { first: StartFigures; later: StartFigures }[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round > 0) {
      await machine.succeed([supervise, 'stop'], { timeoutSeconds: 70 });
      await machine.succeed(['microshift', 'cleanup', '--yes'], { timeoutSeconds: 120 });
      await peer?.stop();
      peer?.forget();
    }
    const first = await timeOurStart(machine);
    await machine.succeed([supervise, 'stop'], { timeoutSeconds: 70 });
    const later = await timeOurStart(machine);
    ours.push({ first, later });
    if (peer === undefined) continue;
    // Ours goes on meanwhile, idle: where every machine starts from nothing there is no other way.
    const peerFirst = await timePeerStart(peer);
    await peer.stop();
    peers.push({ first: peerFirst, later: await timePeerStart(peer) });
  }
  await peer?.startControllers();
  const both = (figures: typeof ours) => ({
    first: middle(figures.map((one) => one.first)),
    later: middle(figures.map((one) => one.later)),
  });
  return { ...both(ours), ...(peer === undefined ? {} : { peer: both(peers) }) };
}
