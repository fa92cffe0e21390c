// Keeps the manifests of this machine's directories applied: at start, when their files change, and again while something
// of them fails. One worker, a directory at a time in the order of the configuration; none waits for another to succeed.
import { messageOf } from '#base/errors.ts';
import type { Clock, Timer } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import type { FileTree } from '#kustomize/file-tree.ts';
import { findLocations, watchedRoots, type LocationSource } from './locations.ts';
import { ManifestDirectory } from './manifest-directory.ts';

export interface ManifestsOptions {
  readonly client: Client;
  /** Made at the first event. */
  readonly events: () => Promise<EventRecorder>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tree: FileTree;
  readonly matching: LocationSource['matching'];
  /** Watches what is given last; `onChange` says that something of it changed. */
  readonly watch: (
    paths: readonly string[],
    onChange: () => void,
  ) => { watch(paths: readonly string[]): void } & Disposable;
  /** As they are now. */
  readonly patterns: () => readonly string[];
}

/** What events are about: there is no object for a directory. */
const eventSubject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } };

export class Manifests {
  readonly #options: ManifestsOptions;
  #directories: readonly ManifestDirectory[] = [];
  #problem: string | undefined;
  /** Directories are looked for again. */
  #changed = true;
  #wake: (() => void) | undefined;
  #timer: Timer | undefined;

  constructor(options: ManifestsOptions) {
    this.#options = options;
  }
  problems(): readonly string[] {
    const problems = this.#directories.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
    return this.#problem === undefined ? problems : [this.#problem, ...problems];
  }
  /** Everything happens in the background. */
  start(scope: Scope): void {
    const { patterns, watch } = this.#options;
    const watched = watch(watchedRoots(patterns()), () => this.lookAgain());
    scope.onClose(() => {
      watched[Symbol.dispose]();
      this.#timer?.cancel();
    });
    scope.spawn('manifests', async (signal) => {
      while (!signal.aborted) {
        await this.#round(watched, signal);
        await this.#untilDue(signal);
      }
    });
  }
  /** The patterns, directories or files may be others now. */
  lookAgain(): void {
    this.#changed = true;
    this.#wake?.();
  }

  async #round(watched: { watch(paths: readonly string[]): void }, signal: AbortSignal): Promise<void> {
    const { clock, client, tree, patterns } = this.#options;
    if (this.#changed) {
      this.#changed = false;
      await this.#findDirectories();
    }
    for (const directory of this.#directories) {
      if (signal.aborted) return;
      if (directory.dueMs === undefined || directory.dueMs > clock.monotonicMs()) continue;
      const outcome = await directory.run(client, tree, clock.monotonicMs(), signal);
      if (outcome.isNews) await this.#tell(directory, outcome.done);
    }
    watched.watch([...new Set([...watchedRoots(patterns()), ...this.#directories.flatMap((one) => one.paths)])]);
  }
  async #findDirectories(): Promise<void> {
    const { clock, tree, matching, patterns } = this.#options;
    try {
      const isFile = async (file: string) => (await tree.find(file))?.type === 'file';
      const locations = await findLocations(patterns(), { matching, isFile });
      const known = new Map(this.#directories.map((one) => [`${one.location.action} ${one.location.directory}`, one]));
      this.#directories = locations.map((location) => {
        const directory = known.get(`${location.action} ${location.directory}`) ?? new ManifestDirectory(location);
        directory.touch(clock.monotonicMs());
        return directory;
      });
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `the directories of manifests cannot be read: ${messageOf(error)}`;
    }
  }
  async #untilDue(signal: AbortSignal): Promise<void> {
    if (this.#changed || signal.aborted) return;
    const { clock } = this.#options;
    const due = this.#directories.flatMap(({ dueMs }) => (dueMs === undefined ? [] : [dueMs]));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (due.length > 0) this.#timer = clock.schedule(Math.max(0, Math.min(...due) - clock.monotonicMs()), resolve);
    await promise;
    this.#wake = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
  async #tell({ location, problem }: ManifestDirectory, done: number): Promise<void> {
    const { logger, events } = this.#options;
    const { directory, action } = location;
    const recorder = await events();
    const verb = action === 'apply' ? 'applied' : 'deleted';
    if (problem === undefined) {
      const objects = done === 1 ? 'one object' : `${done} objects`;
      logger.info(`manifests of ${directory}: ${objects} ${verb}, nothing is left`);
      recorder.event(
        eventSubject,
        'Normal',
        action === 'apply' ? 'ManifestsApplied' : 'ManifestsDeleted',
        `${directory}: ${objects} ${verb}`,
      );
      return;
    }
    logger.warn('manifests cannot be applied; they are tried again, and at once when their files change', { problem });
    recorder.event(eventSubject, 'Warning', 'ManifestsFailed', problem);
  }
}
