// Runs nft: one `nft -i` child takes changes as lines (0.5 ms each, no process a change), a short-lived `nft -f -` takes the
// full table. The child stays while it is used at least every two minutes. Text comes from wire/nft.ts.
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock, Timer } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';

export interface Nft {
  /** One line, one transaction: all or nothing. Rejects with what nft said. */
  change(line: string): Promise<void>;
  /** A whole script, as of `nft -f`: all or nothing. */
  load(script: string): Promise<void>;
  /** What a list command gives as JSON, entry by entry; empty: what it names is not there. Beyond 64 MiB it rejects. */
  list(command: string): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

export interface NftOptions {
  readonly clock: Clock;
  /** Default `['nft']`; a test puts `nsenter --net=...` before it. */
  readonly command?: readonly string[] | undefined;
  readonly idleMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Names a failed transaction; the table should be loaded anew. */
export class NftError extends Error {}

const listBytesMax = 64 * 1024 * 1024;

type Child = ChildProcessByStdio<Writable, null, Readable>;

/** A word that nft does not know: its complaint, on the unbuffered error stream, tells that the line before is done. */
const marker = (sequence: number) => `done${sequence}`;
const isComplaintAboutMarker = (line: string) => /syntax error|^\s*\^+~*\s*$/.test(line);

export function createNft(options: NftOptions): Nft {
  const [program = 'nft', ...prefix] = options.command ?? ['nft'];
  const idleMs = options.idleMs ?? 120_000;
  const timeoutMs = options.timeoutMs ?? 30_000;
  let child: Child | undefined;
  let sequence = 0;
  let tail: Promise<unknown> = Promise.resolve();
  let idle: Timer | undefined;
  let closed = false;
  let waiting: { marker: string; said: string; settle: (error: Error | undefined) => void } | undefined;

  const startChild = (): Child => {
    const started = spawn(program, [...prefix, '-i'], {
      stdio: ['pipe', 'ignore', 'pipe'],
      // Interactive nft appends every line it is given to a history file in the home directory.
      env: { ...process.env, HOME: '/dev/null' },
    });
    const ended = (error: Error) => {
      if (child !== started) return;
      child = undefined;
      waiting?.settle(error);
    };
    started.on('error', (error) => ended(cannotRun(error)));
    started.on('exit', () => ended(new NftError(`nft ended: ${waiting?.said.trim() ?? ''}`)));
    started.stdin.on('error', () => undefined);
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (waiting === undefined || child !== started) return;
      waiting.said += text;
      // The complaint about the marker is three lines, its last is the caret below the word.
      const at = waiting.said.indexOf(`\n${waiting.marker}\n`);
      if (at < 0 || !waiting.said.endsWith('\n') || !/\^/.test(waiting.said.slice(at))) return;
      const before = waiting.said.slice(0, at).split('\n');
      const own = before.findLastIndex(isComplaintAboutMarker);
      const said = before
        .slice(0, own < 0 ? undefined : own)
        .join('\n')
        .trim();
      waiting.settle(said.includes('Error') ? new NftError(firstComplaint(said)) : undefined);
    });
    return started;
  };

  const runLine = (line: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (closed) return reject(new NftError('nft is closed'));
      idle?.cancel();
      child ??= startChild();
      const running = child;
      const timeout = options.clock.schedule(timeoutMs, () => {
        if (child === running) child = undefined;
        running.kill('SIGKILL');
        waiting?.settle(new NftError(`nft did not answer in ${timeoutMs} ms`));
      });
      waiting = {
        marker: marker(++sequence),
        said: '',
        settle: (error) => {
          waiting = undefined;
          timeout.cancel();
          idle = options.clock.schedule(idleMs, endChild);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      running.stdin.write(`${line}\n${waiting.marker}\n`);
    });

  const endChild = () => {
    const ending = child;
    child = undefined;
    ending?.stdin.end();
  };

  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const result = tail.then(run);
    tail = result.catch(() => undefined);
    return result;
  };

  return {
    change: (line) => inTurn(() => runLine(line)),
    load: (script) =>
      inTurn(
        () =>
          new Promise((resolve, reject) => {
            const loader = spawn(program, [...prefix, '-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
            let said = '';
            loader.stderr.setEncoding('utf8').on('data', (text: string) => (said += said.length < 4096 ? text : ''));
            loader.stdin.on('error', () => undefined);
            loader.on('error', (error) => reject(cannotRun(error)));
            loader.on('close', (code) => (code === 0 ? resolve() : reject(new NftError(firstComplaint(said)))));
            loader.stdin.end(script);
          }),
      ),
    list: (command) =>
      inTurn(
        () =>
          new Promise((resolve, reject) => {
            const limits = { timeout: timeoutMs, maxBuffer: listBytesMax };
            execFile(program, [...prefix, '-j', command], limits, (error, out, said) => {
              if (error === null) {
                const { nftables } = JSON.parse(out) as { readonly nftables?: readonly unknown[] };
                resolve(nftables ?? []);
              } else if (said.includes('No such file or directory')) resolve([]);
              else reject(new NftError(said === '' ? error.message : firstComplaint(said)));
            });
          }),
      ),
    async close() {
      await tail;
      closed = true;
      idle?.cancel();
      endChild();
    },
  };
}

/** nft repeats the command, which may be a megabyte, below every complaint. */
const firstComplaint = (said: string): string =>
  said
    .slice(Math.max(0, said.indexOf('Error')))
    .slice(0, 600)
    .trim();

const cannotRun = (error: Error): Error =>
  new OperatorError(
    `nft cannot be run: ${error.message}`,
    'install the package nftables; Services are not reachable without it',
    { cause: error },
  );
