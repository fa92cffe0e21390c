// The result of test/kit/traffic.mjs.
import type { RunningCommand } from './command.ts';

export interface TrafficResult {
  readonly succeeded: number;
  readonly failed: number;
  /** Milliseconds since the epoch of the first success after the last failure; 0: never failed, or not recovered. */
  readonly recoveredAt: number;
  readonly failures: readonly { readonly at: number; readonly error: string }[];
}

export class Traffic {
  readonly #command: RunningCommand;

  constructor(command: RunningCommand) {
    this.#command = command;
  }
  async stop(): Promise<TrafficResult> {
    const output = await this.#command.stop();
    const line = output.trim().split('\n').at(-1) ?? '';
    try {
      return JSON.parse(line) as TrafficResult;
    } catch {
      throw new Error(`traffic ended without a result:\n${output}`);
    }
  }
}
