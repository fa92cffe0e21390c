// Every worker of the process. The build makes one script of each, the asset `worker-NAME.js` of the executable, in
// CommonJS form because it is started from a string.

export type WorkerName = 'sqlite' | 'yaml';

/** Relative to this folder. */
export const workerEntries: Readonly<Record<WorkerName, string>> = {
  sqlite: './linux/sqlite-worker.ts',
  yaml: './yaml-worker.ts',
};
