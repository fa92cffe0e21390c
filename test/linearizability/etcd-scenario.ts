// Two API servers, in this process, on one etcd, which is stalled and killed; and an API server that ends and comes back.
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#base/clock.ts';
import { seededRandom } from '#base/random.ts';
import { EtcdServer } from '#kit/etcd-server.ts';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { openEtcdStore } from '#storage/etcd/store.ts';
import { inProcessTransport } from './in-process-transport.ts';
import { namespace } from './recording-client.ts';
import type { Scenario } from './scenario.ts';
import { runTraffic, type TrafficResult } from './traffic.ts';

class Server {
  readonly #etcd: EtcdServer;
  readonly #seed: number;
  #lives = 0;
  #api: TestApiServer | undefined;
  constructor(etcd: EtcdServer, seed: number) {
    this.#etcd = etcd;
    this.#seed = seed;
  }
  get api(): TestApiServer {
    if (this.#api === undefined) throw new Error('it was not started');
    return this.#api;
  }
  async start(): Promise<void> {
    const store = await openEtcdStore({ members: [this.#etcd.member], clock: systemClock });
    const random = seededRandom(this.#seed * 1_000 + this.#lives++);
    this.#api = await startApiServer({ clock: systemClock, store, random });
  }
  async stop(): Promise<void> {
    const { store } = this.api;
    this.api.close();
    await store.close();
  }
}

export async function etcd(scratch: string, { seed, phaseMs, rounds }: Scenario): Promise<TrafficResult> {
  const member = new EtcdServer(scratch);
  await member.start();
  const servers = [new Server(member, seed * 2), new Server(member, seed * 2 + 1)];
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
    await member.signal('SIGKILL');
  }
}
