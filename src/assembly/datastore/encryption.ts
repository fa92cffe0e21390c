// The encryption keys of the running process, for `microshift encryption`, backups and snapshots: a copy of the data and the key
// that opens it must fit each other, so they are made while no rotation is under way, one after the other.
import type { Clock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import { exposureOf } from '#host/private-file.ts';
import { finishRotation, type Resealed, rotateKey, type RotationOptions } from '#storage/sealing/rotation.ts';
import type { KeyFacts, KeyRing } from '#storage/sealing/sealing-key.ts';
import type { SqliteStore } from '#storage/sqlite/store.ts';
import { findSnapshots, takeSnapshot } from './snapshots.ts';

export interface EncryptionOptions {
  /** With the key file. */
  readonly ring: KeyRing;
  readonly keyFile: string;
  /** Of the data file and its snapshots. */
  readonly directory: string;
  readonly store: Pick<SqliteStore, 'reseal' | 'copyTo' | 'room'>;
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly reserveBytes: () => number;
}

export interface RotationOutcome {
  readonly keys: readonly KeyFacts[];
  readonly objects: number;
  /** The older keys are not needed any more, and gone. */
  readonly isComplete: boolean;
}

export class Encryption {
  readonly #options: EncryptionOptions;
  #last: Promise<unknown> = Promise.resolve();
  #problems: readonly string[] = [];

  constructor(options: EncryptionOptions) {
    this.#options = options;
  }
  facts(): readonly KeyFacts[] {
    return this.#options.ring.facts();
  }
  problems(): readonly string[] {
    return this.#problems;
  }
  /** Looks at the file once: nobody but an operator changes its mode. */
  async check(): Promise<void> {
    const exposed = await exposureOf(this.#options.keyFile);
    this.#problems = exposed === undefined ? [] : [exposed];
    if (exposed !== undefined) this.#options.logger.warn(exposed);
  }
  /** While this runs, keys and what is sealed stay as they are. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
  rotate(onProgress: (progress: Resealed) => void): Promise<RotationOutcome> {
    return this.exclusively(() => this.#run(rotateKey, onProgress));
  }
  /** What a rotation has left that was interrupted. */
  async finish(): Promise<void> {
    if (this.facts().length === 1) return;
    await this.exclusively(() => this.#run(finishRotation, () => {}));
  }
  async #run(
    step: (options: RotationOptions) => Promise<boolean>,
    onProgress: (progress: Resealed) => void,
  ): Promise<RotationOutcome> {
    const { ring, store, logger } = this.#options;
    let objects = 0;
    try {
      const isComplete = await step({
        ring,
        reseal: (prefixes, tell) => store.reseal(prefixes, tell),
        renewCopies: () => this.#renewSnapshot(),
        onProgress: (progress) => {
          objects = progress.done;
          onProgress(progress);
        },
      });
      const [newest, ...older] = ring.facts();
      if (isComplete) logger.info('Secrets are encrypted with a new key', { key: newest?.id, objects });
      else
        logger.warn('an older encryption key stays: there is no room for a snapshot without it', {
          keys: older.map(({ id }) => id).join(','),
        });
      await this.check();
      return { keys: ring.facts(), objects, isComplete };
    } catch (error) {
      const [newest, ...older] = ring.facts();
      const state =
        older.length === 0
          ? `Key ${newest?.id} stays in use, nothing was changed.`
          : `Key ${newest?.id} encrypts what is written from now on, and the older ones open the rest: nothing is lost.`;
      logger.error('the rotation of the encryption key was not finished', { error: messageOf(error) });
      throw new OperatorError(
        `The encryption key was not rotated: ${messageOf(error)}.`,
        `${state} Try again; the next start finishes it too.`,
        { cause: error },
      );
    }
  }
  /** A snapshot is sealed with the older key: it would be worth nothing. */
  async #renewSnapshot(): Promise<boolean> {
    const { directory, store, files, clock, reserveBytes } = this.#options;
    if ((await findSnapshots(directory, files)).length === 0) return true;
    return (await takeSnapshot(directory, store, { files, clock, reserveBytes: reserveBytes() })) !== undefined;
  }
}
