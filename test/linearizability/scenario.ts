// How long a run lasts, and with what it begins.
export interface Scenario {
  readonly seed: number;
  /** How long each phase lasts. */
  readonly phaseMs: number;
  /** How often all phases come. */
  readonly rounds: number;
}
