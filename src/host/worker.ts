// Starts worker threads: from source, or from the scripts inside a single executable.
import { getAsset, isSea } from 'node:sea';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { type WorkerName, workerEntries } from './worker-entries.ts';

export function startWorker(name: WorkerName, options: Pick<WorkerOptions, 'workerData' | 'resourceLimits'>): Worker {
  if (isSea()) return new Worker(getAsset(`worker-${name}.js`, 'utf8'), { ...options, name, eval: true });
  return new Worker(new URL(workerEntries[name], import.meta.url), { ...options, name });
}
