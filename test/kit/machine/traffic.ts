// Starts test/kit/traffic.mjs and reads its result.
import type { ChildProcess } from 'node:child_process';

export interface TrafficResult {
  readonly succeeded: number;
  readonly failed: number;
  /** Milliseconds since the epoch of the first success after the last failure; 0: never failed, or not recovered. */
  readonly recoveredAt: number;
  readonly failures: readonly { readonly at: number; readonly error: string }[];
}

export class Traffic {
  readonly #child: ChildProcess;
  #output = '';
  readonly #ended: Promise<void>;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#ended = new Promise((resolve) => child.on('close', () => resolve()));
  }
  async stop(): Promise<TrafficResult> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    const line = this.#output.trim().split('\n').at(-1) ?? '';
    try {
      return JSON.parse(line) as TrafficResult;
    } catch {
      throw new Error(`traffic ended without a result:\n${this.#output}`);
    }
  }
}
