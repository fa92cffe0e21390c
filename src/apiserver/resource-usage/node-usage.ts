// Two samples of a node, taken when somebody asks. Nothing is asked in the background: a first question takes two samples a second
// apart; while questions keep coming, each is answered by what passed since the one before.
import { sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Server } from '../context.ts';
import { parseSample, type NodeSample } from './samples.ts';

export interface SamplePair {
  readonly before: NodeSample;
  readonly now: NodeSample;
}

interface Kept {
  readonly before: NodeSample | undefined;
  readonly now: NodeSample;
  readonly takenMs: number;
}

const windowMinMs = 1_000;
const windowMaxMs = 60_000;
const answerMs = 5_000;
/** Of one node's answer: 500 containers are 150 kB. */
const answerBytesMax = 8 * 1024 * 1024;

export class NodeUsage {
  readonly #server: Server;
  readonly #kept = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<SamplePair | undefined>>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** Undefined: the node does not answer. Whoever asks meanwhile shares the answer. */
  of(nodeName: string): Promise<SamplePair | undefined> {
    let asking = this.#asking.get(nodeName);
    if (asking === undefined) {
      asking = this.#ask(nodeName).finally(() => this.#asking.delete(nodeName));
      this.#asking.set(nodeName, asking);
    }
    return asking;
  }

  async #ask(nodeName: string): Promise<SamplePair | undefined> {
    const { clock, logger } = this.#server.options;
    this.#forgetOld();
    try {
      let kept = this.#kept.get(nodeName);
      if (kept?.before !== undefined && clock.monotonicMs() - kept.takenMs < windowMinMs)
        return { before: kept.before, now: kept.now };
      if (kept === undefined) {
        kept = await this.#take(nodeName, undefined);
        await sleep(clock, windowMinMs, this.#server.closing);
      }
      const next = await this.#take(nodeName, kept.now);
      this.#kept.set(nodeName, next);
      return { before: kept.now, now: next.now };
    } catch (error) {
      this.#kept.delete(nodeName);
      logger.debug('the use of a node could not be read', { node: nodeName, error: messageOf(error) });
      return undefined;
    }
  }

  async #take(nodeName: string, before: NodeSample | undefined): Promise<Kept> {
    const { clock, nodes } = this.#server.options;
    if (nodes === undefined) throw new Error('this API server has no connection to nodes');
    const signal = AbortSignal.any([AbortSignal.timeout(answerMs), this.#server.closing]);
    const request = { method: 'GET', pathAndQuery: '/metrics/resource', signal };
    const { status, stream } = await nodes.request(nodeName, request);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of stream) {
      bytes += part.length;
      if (bytes > answerBytesMax) throw new Error(`the answer is longer than ${answerBytesMax} bytes`);
      parts.push(part);
    }
    const text = Buffer.concat(parts).toString('utf8');
    if (status !== 200) throw new Error(`the node answered ${status}: ${text.slice(0, 200)}`);
    return { before, now: parseSample(text), takenMs: clock.monotonicMs() };
  }

  #forgetOld(): void {
    const now = this.#server.options.clock.monotonicMs();
    for (const [name, { takenMs }] of this.#kept) if (now - takenMs > windowMaxMs) this.#kept.delete(name);
  }
}

const byServer = new WeakMap<Server, NodeUsage>();

export function nodeUsageOf(server: Server): NodeUsage {
  let usage = byServer.get(server);
  if (usage === undefined) byServer.set(server, (usage = new NodeUsage(server)));
  return usage;
}
