// Backups by schedule, into the folder of `backup.folder`. The first one at once, so that a mistake shows; then whenever the schedule
// says so; what was missed, because nothing ran or it failed, is made up for. When a backup is there and was read again, the oldest
// ones go. What is wrong is in `microshift status` until one succeeds.
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { backupLookMs, backupRetryMsMax, backupRetryMsMin } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import type { Schedule } from '#controllers/cronjob/schedule.ts';
import type { Files } from '#host/files.ts';
import type { BackupConfiguration } from '../config/configuration.ts';
import type { BackupManifest } from './contents.ts';
import { findBackups, type FoundBackup, nextBackup, removeBackup, removeLeftovers, superfluous } from './folder.ts';
import { readBackup } from './restore.ts';

export interface ScheduledBackupsOptions {
  /** Asked anew each time. */
  readonly configuration: () => BackupConfiguration;
  readonly nodeName: string;
  /** The uid of the namespace kube-system. */
  readonly cluster: () => string | undefined;
  /** Throws when there is none, with what is missing. */
  readonly checkRoom: (folder: string) => Promise<void>;
  readonly make: (target: string) => Promise<BackupManifest>;
  readonly parseSchedule: (text: string) => Schedule;
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** For `microshift status`. */
export interface BackupState {
  readonly folder: string;
  readonly lastName?: string | undefined;
  readonly lastAtMs?: number | undefined;
  readonly nextAtMs?: number | undefined;
}

export interface MadeBackup {
  readonly path: string;
  readonly manifest: BackupManifest;
  readonly removed: readonly string[];
}

export class ScheduledBackups implements Disposable {
  readonly #options: ScheduledBackupsOptions;
  #timer: Timer | undefined;
  #last: { readonly name: string; readonly atMs: number } | undefined;
  /** Undefined: never, or not known yet. */
  #nextAtMs: number | undefined;
  #retryMs = backupRetryMsMin;
  #hasFailed = false;
  #problem: string | undefined;
  #running: Promise<MadeBackup> | undefined;
  #isOver = false;

  constructor(options: ScheduledBackupsOptions) {
    this.#options = options;
  }
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }
  problems(): readonly string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }
  /** Undefined: none are asked for. */
  state(): BackupState | undefined {
    const { folder } = this.#options.configuration();
    if (folder === '') return undefined;
    return { folder, lastName: this.#last?.name, lastAtMs: this.#last?.atMs, nextAtMs: this.#nextAtMs };
  }
  /** At the start, and whenever the configuration is another. */
  async start(): Promise<void> {
    this.#timer?.cancel();
    await this.idle();
    this.#timer?.cancel();
    this.#problem = undefined;
    this.#hasFailed = false;
    this.#last = undefined;
    this.#nextAtMs = undefined;
    this.#retryMs = backupRetryMsMin;
    const { configuration, clock } = this.#options;
    const { folder } = configuration();
    if (folder === '') return;
    try {
      const newest = (await this.#own(folder)).find((one) => !one.isIncomplete);
      // Of a clock that was wrong: it counts as made now.
      const atMs = newest === undefined ? NaN : Date.parse(newest.manifest.createdAt);
      if (newest !== undefined && !Number.isNaN(atMs)) this.#last = { name: newest.name, atMs };
      const since = Math.min(atMs, clock.now());
      this.#nextAtMs = Number.isNaN(since) ? clock.now() : this.#after(since);
    } catch (error) {
      this.#failed(error);
      this.#nextAtMs = clock.now();
      this.#plan(this.#retryMs);
      return;
    }
    this.#look();
  }
  /** Out of turn too: for `microshift backup`. */
  now(): Promise<MadeBackup> {
    this.#running ??= this.#make().finally(() => {
      this.#running = undefined;
      const isDue = this.#nextAtMs !== undefined && this.#nextAtMs <= this.#options.clock.now();
      this.#plan(isDue && this.#hasFailed ? this.#retryMs : 0);
      if (this.#hasFailed) this.#retryMs = Math.min(this.#retryMs * 2, backupRetryMsMax);
    });
    return this.#running;
  }
  /** Nothing is being made. */
  async idle(): Promise<void> {
    await this.#running?.catch(() => {});
  }

  #after(since: number): number | undefined {
    const { configuration, parseSchedule } = this.#options;
    const { schedule } = configuration();
    let next: number | undefined;
    let why = '';
    try {
      next = parseSchedule(schedule)(since);
    } catch (error) {
      why = ` (${messageOf(error)})`;
    }
    if (next === undefined) this.#problem = `the time of backup.schedule never comes: ${schedule}${why}`;
    return next;
  }
  #plan(delayMs: number): void {
    if (this.#isOver) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(delayMs, () => this.#look());
  }
  #look(): void {
    const now = this.#options.clock.now();
    if (this.#nextAtMs === undefined) return;
    if (now < this.#nextAtMs) {
      // The clock was put back: what was far away then is not what is meant now.
      this.#nextAtMs = Math.min(this.#nextAtMs, this.#after(now) ?? this.#nextAtMs);
      this.#plan(Math.min(backupLookMs, Math.max(1, this.#nextAtMs - now)));
      return;
    }
    this.now().catch(() => {});
  }
  async #make(): Promise<MadeBackup> {
    const { configuration, nodeName, checkRoom, make, files, clock, logger } = this.#options;
    const { folder } = configuration();
    try {
      // Made here, it would be on another disk than the one that is not there.
      if (!(await files.exists(folder)))
        throw new Error(`backup.folder ${folder} is not there: make it, or mount its disk`);
      await removeLeftovers(folder, nodeName, files);
      await checkRoom(folder);
      const path = await nextBackup(folder, nodeName, clock.now(), files);
      const manifest = await make(path);
      const name = path.slice(folder.length + 1);
      this.#last = { name, atMs: clock.now() };
      this.#retryMs = backupRetryMsMin;
      this.#problem = undefined;
      this.#hasFailed = false;
      this.#nextAtMs = this.#after(clock.now());
      return { path, manifest, removed: await this.#giveUp(folder, path) };
    } catch (error) {
      this.#failed(error);
      logger.error('the backup by schedule was not made', { folder, error: messageOf(error) });
      throw error;
    }
  }
  #failed(error: unknown): void {
    const last = this.#last === undefined ? 'there is none yet' : `the last one is ${this.#last.name}`;
    this.#hasFailed = true;
    this.#problem = `the backup by schedule was not made: ${messageOf(error)}; ${last}; it is tried again`;
  }
  async #own(folder: string): Promise<readonly FoundBackup[]> {
    const { files, cluster } = this.#options;
    const own = cluster();
    return (await findBackups(folder, files)).filter(
      ({ sequence, manifest }) => sequence !== undefined && manifest.cluster === own,
    );
  }
  /** Nothing, unless the one that was made is as it should be. */
  async #giveUp(folder: string, made: string): Promise<readonly string[]> {
    const { configuration, cluster, files, logger } = this.#options;
    const removed: string[] = [];
    try {
      const { retention } = configuration();
      const old = superfluous(await findBackups(folder, files), cluster(), retention);
      if (old.length === 0) return removed;
      await readBackup(made, files);
      for (const one of old) {
        await removeBackup(one, files);
        removed.push(one.name);
      }
    } catch (error) {
      this.#problem = `older backups in ${folder} were not removed: ${messageOf(error)}`;
      logger.error('older backups were not removed', { folder, error: messageOf(error) });
    }
    return removed;
  }
}
