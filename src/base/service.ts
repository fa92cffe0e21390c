// A long-running part of the process, started and stopped by assembly in the order of assembly/services.ts.
import type { Scope } from './scope.ts';

export interface Service {
  readonly name: string;
  /** Names of services that must be ready before. */
  readonly dependsOn: readonly string[];
  /** Resolves when the service is ready to be used. Everything it starts belongs to `scope`. A throw ends the start of the whole. */
  start(scope: Scope): Promise<void>;
  /** What is wrong now, for `microshift status` and /readyz; empty: nothing. Must answer at once. */
  problems?(): readonly string[];
}
