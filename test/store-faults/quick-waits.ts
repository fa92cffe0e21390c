// Loaded ahead into a process (node --import): what waits on the clock of the product for five or ten seconds before it looks again
// waits a fifth of one. Timers of connections, which do not go by that clock, are left alone.
const original = globalThis.setTimeout;
function shortened(run: () => void, delayMs?: number, ...rest: []): NodeJS.Timeout {
  const isWait = delayMs === 5_000 || delayMs === 10_000;
  return original(run, isWait && new Error('who').stack?.includes('base/clock.ts') === true ? 200 : delayMs, ...rest);
}
globalThis.setTimeout = Object.assign(shortened, original) as typeof setTimeout;
