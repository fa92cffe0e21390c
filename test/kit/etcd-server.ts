// A real etcd member for tests, on sockets in a folder: no packet leaves the machine, and none is seen on it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdClient } from '#storage/etcd/client.ts';

const startTimeoutMs = 30_000;

export class EtcdServer {
  readonly #folder: string;
  #child: ChildProcess | undefined;

  /** `folder` must exist; its path is short (socket names are bounded). */
  constructor(folder: string) {
    this.#folder = folder;
  }
  /** As `EtcdClient` wants it. */
  get member(): string {
    return `unix:${this.#folder}/client:0`;
  }
  /** Resolves when it answers. */
  async start(): Promise<void> {
    const data = path.join(this.#folder, 'data');
    mkdirSync(data, { recursive: true, mode: 0o700 });
    // Those of a member that was killed.
    for (const socket of ['client:0', 'peer:0']) rmSync(path.join(this.#folder, socket), { force: true });
    const client = 'unix://client:0';
    const peer = 'unix://peer:0';
    const child = spawn(
      'etcd',
      [
        '--name=one',
        `--data-dir=${data}`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=one=${peer}`,
        '--log-level=error',
      ],
      { cwd: this.#folder, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    this.#child = child;
    await once(child, 'spawn');
    const asked = new EtcdClient({ members: [this.member] });
    const until = performance.now() + startTimeoutMs;
    try {
      for (;;)
        try {
          await asked.revision();
          return;
        } catch (error) {
          if (child.exitCode !== null || performance.now() > until)
            throw new Error('etcd does not start', { cause: error });
          await sleep(50);
        }
    } finally {
      await asked.close();
    }
  }
  /** `SIGKILL` is a crash, `SIGSTOP` a stall that `SIGCONT` ends. */
  async signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ends = signal === 'SIGKILL' || signal === 'SIGTERM';
    const ended = ends && child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill(signal);
    await ended;
    if (ends) this.#child = undefined;
  }
}
