// Loaded ahead into a control plane (node --import): what it does after exactly a minute it does after less than a second. Those
// are bookmarks, which would hardly come otherwise in a watch that lasts seconds, and the end of requests that take too long.
import { minuteMs, shortMinuteMs } from './scenario.ts';

const original = globalThis.setTimeout;
const shortened = (run: () => void, delayMs?: number, ...rest: []): NodeJS.Timeout =>
  original(run, delayMs === minuteMs ? shortMinuteMs : delayMs, ...rest);
globalThis.setTimeout = Object.assign(shortened, original) as typeof setTimeout;
