// How long a run lasts, and with what it begins.
export interface Scenario {
  readonly seed: number;
  /** How long each phase lasts. */
  readonly phaseMs: number;
  /** How often all phases come. */
  readonly rounds: number;
}

export const minuteMs = 60_000;
/** So long is a minute for the control planes: bookmarks come then. */
export const shortMinuteMs = 600;
