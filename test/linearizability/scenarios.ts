// Real control planes under load and faults, one scenario for each way in which their storage can be hurt.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlPlaneProcess } from './control-plane-process.ts';
import { DiskFaults } from './disk-faults.ts';
import { processOnEtcd, twoOnEtcd } from './etcd-scenario.ts';
import { httpsTransport } from './https-transport.ts';
import type { Scenario } from './scenario.ts';
import { runTraffic, type TrafficResult } from './traffic.ts';

async function inScratch<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'linear-'));
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function trafficOn(
  server: ControlPlaneProcess,
  { seed, phaseMs: sessionMs }: Scenario,
  during: () => Promise<void>,
): Promise<TrafficResult> {
  return runTraffic({
    seed,
    // Every other one with HTTP/2.
    connect: (index) => httpsTransport(server.endpoint, index % 2 === 0 ? 1 : 2),
    clients: 6,
    keys: 6,
    sessionMs,
    pauseMs: 2,
    during,
  });
}

/** Keeps nothing, so nothing can be done to it but load. */
export const memory = (scenario: Scenario): Promise<TrafficResult> =>
  inScratch(async (scratch) => {
    const server = await ControlPlaneProcess.start({ dataDirectory: scratch, isEphemeral: true });
    try {
      const { phaseMs, rounds } = scenario;
      return await trafficOn(server, { ...scenario, phaseMs: phaseMs / 4 }, () => sleep(phaseMs * rounds));
    } finally {
      await server.signal('SIGTERM');
    }
  });

/** Killed at work, on a slow disk, on a full one, and behind syncs that failed. */
export const embedded = (scenario: Scenario): Promise<TrafficResult> =>
  inScratch(async (scratch) => {
    const dataDirectory = path.join(scratch, 'data');
    mkdirSync(dataDirectory, { mode: 0o700 });
    const disk = new DiskFaults(scratch, path.join(dataDirectory, 'storage'));
    const server = await ControlPlaneProcess.start({ dataDirectory, environment: disk.environment });
    const { phaseMs } = scenario;
    const restart = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> => {
      await server.signal(signal);
      server.launch();
      await server.ready();
    };
    try {
      return await trafficOn(server, scenario, async () => {
        for (let round = 0; round < scenario.rounds; round++) {
          await sleep(phaseMs);
          await restart('SIGTERM');
          await disk.during('full', () => sleep(phaseMs));
          await sleep(phaseMs / 2);
          await disk.during(phaseMs / 4, () => sleep(phaseMs));
          await disk.during('full', async () => {
            await sleep(phaseMs / 2);
            await server.signal('SIGKILL');
          });
          server.launch();
          await server.ready();
          await sleep(phaseMs / 2);
          await disk.during('fail', () => sleep(phaseMs / 2));
          await restart();
        }
      });
    } finally {
      await server.signal('SIGKILL');
    }
  });

export const scenarios = {
  memory,
  embedded,
  etcd: (scenario: Scenario) => inScratch((scratch) => processOnEtcd(scratch, scenario)),
  'two-on-etcd': (scenario: Scenario) => inScratch((scratch) => twoOnEtcd(scratch, scenario)),
} as const;
