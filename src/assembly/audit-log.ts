// The audit log of this process: events as lines of a file that is put aside when it is large. Follows the configuration.
import path from 'node:path';
import type { AuditEvent } from '#apiserver/audit/event.ts';
import type { AuditProfile } from '#apiserver/audit/policy.ts';
import type { AuditSink } from '#apiserver/options.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import { recordOwnDirectory } from '#host/changes.ts';
import { RotatedFile, type RotationLimits } from '#host/rotated-file.ts';
import type { AuditLogConfiguration } from './config/configuration.ts';
import type { AssemblyContext } from './parts.ts';

const dayMs = 86_400_000;
const limitsOf = (one: AuditLogConfiguration): RotationLimits => ({
  maxBytes: one.maxFileMegabytes * 1024 * 1024,
  maxFiles: one.maxFiles,
  maxAgeMs: one.maxFileAgeDays * dayMs,
});

export class AuditLog implements AuditSink {
  readonly #context: Pick<AssemblyContext, 'clock' | 'configuration' | 'live' | 'logger' | 'parts'>;
  readonly #listening: Disposable;
  #file: RotatedFile | undefined;
  #profile: AuditProfile = 'None';
  #problem: string | undefined;

  /** Throws an OperatorError when the file cannot be opened; later that is a problem in `status`. */
  constructor(context: Pick<AssemblyContext, 'clock' | 'configuration' | 'live' | 'logger' | 'parts'>) {
    this.#context = context;
    this.#open(context.live.current.apiServer.auditLog);
    this.#listening = context.live.onChange(
      (one) => one.apiServer.auditLog,
      (now) => this.#change(now),
    );
  }

  profile(): AuditProfile {
    return this.#file === undefined ? 'None' : this.#profile;
  }
  write(event: AuditEvent): void {
    this.#file?.write(`${JSON.stringify(event)}\n`);
  }
  problems(): readonly string[] {
    const problem = this.#problem ?? this.#file?.problem;
    return problem === undefined ? [] : [`the audit log: ${problem}`];
  }
  close(): void {
    this.#listening[Symbol.dispose]();
    this.#file?.close();
    this.#file = undefined;
  }

  #open(wanted: AuditLogConfiguration): void {
    this.#profile = wanted.profile;
    if (wanted.file === '' || wanted.profile === 'None') return;
    const { clock, configuration, parts } = this.#context;
    const directory = path.dirname(wanted.file);
    try {
      if (!directory.startsWith(`${configuration.dataDirectory}/`) && parts.has('hostChanges'))
        recordOwnDirectory(parts.take('hostChanges'), directory);
      this.#file = new RotatedFile(wanted.file, limitsOf(wanted), () => clock.now());
      this.#file.prune();
    } catch (error) {
      throw new OperatorError(
        `The audit log ${wanted.file} cannot be written: ${messageOf(error)}.`,
        'Choose another auditLogDir, or leave it out to have no audit log.',
        { cause: error },
      );
    }
  }
  #change(wanted: AuditLogConfiguration): void {
    this.#problem = undefined;
    this.#profile = wanted.profile;
    if (this.#file !== undefined && this.#file.file === wanted.file && wanted.profile !== 'None') {
      this.#file.limits = limitsOf(wanted);
      this.#file.prune();
      return;
    }
    this.#file?.close();
    this.#file = undefined;
    try {
      this.#open(wanted);
    } catch (error) {
      this.#problem = `${messageOf(error)} Nothing is recorded.`;
      this.#context.logger.error('there is no audit log', { error: messageOf(error) });
    }
  }
}
