// `startControlPlane()`: for the tests of other projects, a whole control plane in a process of its own, ready within a second, that
// keeps nothing. This file imports nothing of the project: it is what the npm package gives to its users, with its types.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface ControlPlaneOptions {
  /**
   * Keys of MicroShift's configuration, as config.yaml has them, such as `{ apiServer: { featureGates: { featureSet: 'CustomNoUpgrade' } } }`.
   * A mistake in them rejects the start with MicroShift's own words.
   */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** Port of 127.0.0.1 to listen on; absent: a free one. */
  readonly port?: number;
  /** The program `microshift`; absent: the package's own, else the one in PATH. */
  readonly executable?: string;
  /** What comes before `run`, when `executable` is an interpreter. */
  readonly executableArguments?: readonly string[];
  /** It must be ready after so long, 30,000 by default. */
  readonly startTimeoutMs?: number;
  /** Each line of its log, without the line end. */
  readonly onLog?: (line: string) => void;
  /** Aborted: it is stopped, or not started. */
  readonly signal?: AbortSignal;
}

/** A running control plane: API server, controllers, scheduler; there is no node, so Pods stay pending. */
export interface ControlPlane extends AsyncDisposable {
  /** Such as `https://127.0.0.1:38211`. */
  readonly server: string;
  /** Of a user who may do everything; for client libraries that read a text. */
  readonly kubeconfig: string;
  /** The same as a file, for `KUBECONFIG`; gone when it is stopped. */
  readonly kubeconfigPath: string;
  readonly processId: number;
  /** Resolves when the process has ended, however it ended: to its exit code, or null after a signal. */
  readonly ended: Promise<number | null>;
  /** Ends it; resolves when nothing of it is left. May be called again. */
  stop(): Promise<void>;
}

/** It did not start. `message` has the last lines of its log. */
export class ControlPlaneError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ControlPlaneError';
  }
}

const startTimeoutMsDefault = 30_000;
/** After that long it is killed. */
const stopPatienceMs = 10_000;
const lastLinesMax = 20;
/** Of one line; the rest of a longer one is not kept. */
const lineCharactersMax = 64 * 1024;

/** The package has the program beside this file's folder. */
const ownExecutable = path.resolve(import.meta.dirname, '../bin/microshift');

/** Calls `onLine` for each whole line; the end of a text without a line end is one too. */
function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!.slice(0, lineCharactersMax);
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

function launch(options: ControlPlaneOptions, configurationPath: string | undefined): ChildProcess {
  const executable = options.executable ?? (existsSync(ownExecutable) ? ownExecutable : 'microshift');
  const { MICROSHIFT_CLUSTER_URL: _, ...environment } = process.env;
  return spawn(
    executable,
    [
      ...(options.executableArguments ?? []),
      'run',
      '--ephemeral',
      // Our end of its standard input closes when this process ends, however it ends.
      '--until-input-ends',
      ...(configurationPath === undefined ? [] : ['--config', configurationPath]),
    ],
    {
      env: {
        ...environment,
        ...(options.port === undefined ? {} : { MICROSHIFT_CLUSTER_URL: `https://127.0.0.1:${options.port}` }),
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
}

/**
 * Starts a control plane and resolves when it answers. `await using` stops it at the end of the block; it also ends with this
 * process. Rejects with a ControlPlaneError when it ends before it is ready, or is not ready in time, and with the signal's reason.
 *
 * ```ts
 * await using controlPlane = await startControlPlane();
 * process.env.KUBECONFIG = controlPlane.kubeconfigPath;
 * ```
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { signal, startTimeoutMs = startTimeoutMsDefault } = options;
  signal?.throwIfAborted();
  const directory =
    options.configuration === undefined ? undefined : mkdtempSync(path.join(tmpdir(), 'microshift-configuration-'));
  const configurationPath = directory === undefined ? undefined : path.join(directory, 'config.yaml');
  // JSON is YAML.
  if (configurationPath !== undefined) writeFileSync(configurationPath, JSON.stringify(options.configuration));
  const tidy = (): void => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  };

  let child: ChildProcess;
  try {
    child = launch(options, configurationPath);
  } catch (error) {
    tidy();
    throw error;
  }
  const lastLines: string[] = [];
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', (code) => resolve(code));
  }).finally(tidy);
  readLines(child.stderr!, (line) => {
    lastLines.push(line);
    if (lastLines.length > lastLinesMax) lastLines.shift();
    options.onLog?.(line);
  });
  // A write to one that has ended is no news: `ended` tells.
  child.stdin!.on('error', () => {});

  const onAbort = (): void => void stop();
  let stopping: Promise<void> | undefined;
  function stop(): Promise<void> {
    signal?.removeEventListener('abort', onAbort);
    return (stopping ??= (async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
      await ended;
      clearTimeout(timer);
    })());
  }
  signal?.addEventListener('abort', onAbort, { once: true });

  const kubeconfigPath = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), startTimeoutMs);
    readLines(child.stdout!, (line) => {
      const found = /^export KUBECONFIG=(.+)$/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('error', (error) => lastLines.push(error.message));
    void ended.then(() => resolve(undefined));
    void ended.then(() => clearTimeout(timer));
  });
  if (kubeconfigPath === undefined || stopping !== undefined) {
    const isRunning = child.exitCode === null && child.signalCode === null && child.pid !== undefined;
    await stop();
    signal?.throwIfAborted();
    throw new ControlPlaneError(
      `the control plane ${isRunning ? `was not ready within ${startTimeoutMs} ms` : 'ended before it was ready'}:\n${lastLines.join('\n')}`,
    );
  }
  const kubeconfig = readFileSync(kubeconfigPath, 'utf8');
  return {
    server: /^\s*server: "?([^"\s]+)"?$/m.exec(kubeconfig)![1]!,
    kubeconfig,
    kubeconfigPath,
    processId: child.pid!,
    ended,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
