// One directory of manifests: what of it is applied (or deleted), what is not and why, and when it is tried again.
import { createHash } from 'node:crypto';
import { messageOf } from '#base/errors.ts';
import type { Client } from '#client/client.ts';
import type { FileTree } from '#kustomize/file-tree.ts';
import { applyObjects, deleteObjects, describe, inApplyOrder, type Failure, type Manifest } from './apply-objects.ts';
import type { Location } from './locations.ts';

/** Seconds; the last one holds for ten minutes. Then something is wrong that will take somebody to mend. */
const retrySeconds = [1, 2, 5, 10];
const patienceMs = 600_000;
const slowRetryMs = 300_000;
/** Of a message about many objects. */
const namedFailuresMax = 3;

export interface Outcome {
  /** Something was done, or is wrong in another way than before: worth saying. */
  readonly isNews: boolean;
  readonly done: number;
}

export class ManifestDirectory {
  readonly location: Location;
  /** Files and directories that were read, or looked for. */
  paths: readonly string[] = [];
  problem: string | undefined;
  /** By the monotonic clock; undefined: nothing is to do. */
  dueMs: number | undefined = 0;
  #builtHash = '';
  #pending: readonly Manifest[] = [];
  #attempt = 0;
  #failingSinceMs = 0;

  constructor(location: Location) {
    this.location = location;
  }
  /** Its files may have changed. */
  touch(nowMs: number): void {
    this.dueMs = nowMs;
  }
  async run(client: Client, tree: FileTree, nowMs: number, signal: AbortSignal): Promise<Outcome> {
    const before = this.problem;
    let failures: readonly Failure[] = [];
    let done = 0;
    try {
      await this.#build(tree);
      const { length } = this.#pending;
      const act = this.location.action === 'apply' ? applyObjects : deleteObjects;
      failures = await act(client, this.#pending, signal);
      this.#pending = failures.map((one) => one.object);
      done = length - failures.length;
      this.problem = failures.length === 0 ? undefined : this.#failureText(failures);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#builtHash = '';
      this.problem = messageOf(error);
    }
    this.#schedule(nowMs, before);
    return { isNews: done > 0 || this.problem !== before, done };
  }
  async #build(tree: FileTree): Promise<void> {
    const { buildKustomization } = await import('#kustomize/build.ts');
    const paths = new Set<string>([this.location.directory]);
    const recording: FileTree = {
      find(path) {
        paths.add(path);
        return tree.find(path);
      },
      read: (path) => tree.read(path),
    };
    try {
      const objects = (await buildKustomization(recording, this.location.directory)) as unknown as Manifest[];
      const hash = createHash('sha256').update(JSON.stringify(objects)).digest('hex');
      if (hash === this.#builtHash) return;
      this.#builtHash = hash;
      this.#pending = inApplyOrder(objects);
      this.#attempt = 0;
    } finally {
      this.paths = [...paths];
    }
  }
  #failureText(failures: readonly Failure[]): string {
    const named = failures.slice(0, namedFailuresMax).map(({ object, reason }) => `${describe(object)}: ${reason}`);
    const more = failures.length - named.length;
    const verb = this.location.action === 'apply' ? 'applied' : 'deleted';
    return `${this.location.directory}: ${failures.length === 1 ? 'one object is' : `${failures.length} objects are`} not ${verb}: ${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  }
  #schedule(nowMs: number, before: string | undefined): void {
    if (this.problem === undefined) {
      this.#attempt = 0;
      this.dueMs = undefined;
      return;
    }
    if (before === undefined || this.#attempt === 0) this.#failingSinceMs = nowMs;
    const isSlow = nowMs - this.#failingSinceMs >= patienceMs;
    const seconds = retrySeconds[Math.min(this.#attempt, retrySeconds.length - 1)]!;
    this.#attempt++;
    this.dueMs = nowMs + (isSlow ? slowRetryMs : seconds * 1_000);
  }
}
