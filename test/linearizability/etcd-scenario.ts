// API servers on etcd: two in this process on one member, and one in a process of its own on three.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '#base/clock.ts';
import { seededRandom } from '#base/random.ts';
import { EtcdServer } from '#kit/etcd-server.ts';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { type EtcdStore, openEtcdStore } from '#storage/etcd/store.ts';
import { ControlPlaneProcess } from './control-plane-process.ts';
import { httpsTransport } from './https-transport.ts';
import { inProcessTransport } from './in-process-transport.ts';
import { namespace } from './recording-client.ts';
import { minuteMs, type Scenario, shortMinuteMs } from './scenario.ts';
import { SlowLink } from './slow-link.ts';
import { runTraffic, type TrafficResult } from './traffic.ts';

/** Bookmarks come soon. */
const clock: Clock = {
  ...systemClock,
  schedule: (delayMs, run) => systemClock.schedule(delayMs === minuteMs ? shortMinuteMs : delayMs, run),
};

class Server {
  readonly #member: string;
  readonly #seed: number;
  #lives = 0;
  #store: EtcdStore | undefined;
  #api: TestApiServer | undefined;
  constructor(member: string, seed: number) {
    this.#member = member;
    this.#seed = seed;
  }
  get api(): TestApiServer {
    if (this.#api === undefined) throw new Error('it was not started');
    return this.#api;
  }
  async start(): Promise<void> {
    const store = (this.#store = await openEtcdStore({ members: [this.#member], clock }));
    const random = seededRandom(this.#seed * 1_000 + this.#lives++);
    this.#api = await startApiServer({ clock, store, random });
  }
  /** Nobody can go on from before. */
  async compact(): Promise<void> {
    if (this.#store !== undefined) await this.#store.compact(this.#store.revision);
  }
  async stop(): Promise<void> {
    const { store } = this.api;
    this.api.close();
    await store.close();
  }
}

/** The member is stalled and killed; one of the API servers ends and comes back. */
export async function twoOnEtcd(scratch: string, { seed, phaseMs, rounds }: Scenario): Promise<TrafficResult> {
  const member = new EtcdServer(scratch);
  await member.start();
  // What one of them is told comes late: its memory is behind the other's writes.
  const slow = path.join(scratch, 'slow:0');
  const link = await SlowLink.listen(slow, member.member.slice('unix:'.length), 15);
  const servers = [new Server(member.member, seed * 2), new Server(`unix:${slow}`, seed * 2 + 1)];
  try {
    for (const server of servers) await server.start();
    await servers[0]!.api.create('/api/v1/namespaces', { metadata: { name: namespace } });
    let requests = 0;
    return await runTraffic({
      seed,
      // Each goes to the one and to the other in turn, with continued lists and resumed watches.
      connect: () => inProcessTransport(() => servers[requests++ % servers.length]!.api),
      clients: 6,
      keys: 6,
      sessionMs: phaseMs,
      pauseMs: 2,
      async during() {
        for (let round = 0; round < rounds; round++) {
          await sleep(phaseMs);
          // One must read everything anew, and its watchers list again.
          await link.whileCut(async () => {
            await sleep(phaseMs / 2);
            await servers[0]!.compact();
          });
          await sleep(phaseMs);
          await member.signal('SIGSTOP');
          await sleep(phaseMs);
          await member.signal('SIGCONT');
          await sleep(phaseMs);
          await member.signal('SIGKILL');
          await sleep(phaseMs / 2);
          await member.start();
          await sleep(phaseMs);
          const ended = servers[round % servers.length]!;
          await ended.stop();
          await ended.start();
        }
      },
    });
  } finally {
    for (const server of servers) await server.stop();
    link.close();
    await member.signal('SIGKILL');
  }
}

/** One member after the other is stalled and killed, and all but one at once; and the control plane is killed. */
export async function processOnEtcd(scratch: string, { seed, phaseMs, rounds }: Scenario): Promise<TrafficResult> {
  const names = ['a', 'b', 'c'];
  const members = names.map((name) => new EtcdServer(scratch, { name, cluster: names }));
  await Promise.all(members.map((member) => member.start()));
  const dataDirectory = path.join(scratch, 'cluster');
  mkdirSync(dataDirectory, { mode: 0o700 });
  const datastore = members.map(({ endpoint }) => endpoint).join(',');
  let server: ControlPlaneProcess | undefined;
  try {
    const started = (server = await ControlPlaneProcess.start({ dataDirectory, datastore }));
    return await runTraffic({
      seed,
      connect: (index) => httpsTransport(started.endpoint, index % 2 === 0 ? 1 : 2),
      clients: 6,
      keys: 6,
      sessionMs: phaseMs,
      pauseMs: 2,
      async during() {
        for (let round = 0; round < rounds; round++) {
          const [first, second, third] = [0, 1, 2].map((at) => members[(at + round) % 3]!) as [
            EtcdServer,
            EtcdServer,
            EtcdServer,
          ];
          await sleep(phaseMs);
          await first.signal('SIGKILL');
          await sleep(phaseMs);
          await second.signal('SIGKILL');
          await sleep(phaseMs);
          await Promise.all([first.start(), second.start()]);
          await third.signal('SIGSTOP');
          await sleep(phaseMs);
          await started.signal('SIGKILL');
          await third.signal('SIGCONT');
          started.launch();
          await started.ready();
        }
      },
    });
  } finally {
    await server?.signal('SIGKILL');
    for (const member of members) await member.signal('SIGKILL');
  }
}
