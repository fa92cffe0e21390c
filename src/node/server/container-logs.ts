// Reads the log files that the runtime writes (CRI format: `TIME STREAM TAGS TEXT`), from a point on, and follows them over
// rotations without polling.
import type { Clock } from '#base/clock.ts';
import type { NodeMachine } from '#host/node-machine.ts';

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly sinceMs: number | undefined;
  /** Undefined: both. */
  readonly stream: 'stdout' | 'stderr' | undefined;
}

export interface LogSource {
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly path: string;
  /** False: the container ended; what is written then is all. */
  isRunning(): Promise<boolean>;
  /** Calls back at each change of the container's state. */
  onChange(listener: () => void): Disposable;
  readonly signal: AbortSignal;
}

const chunkBytes = 64 * 1024;
const newline = 0x0a;

export interface LogLine {
  readonly time: string;
  readonly stream: string;
  readonly partial: boolean;
  readonly text: Uint8Array;
}

/** Undefined: not a line of this format. */
export function parseLogLine(line: Uint8Array): LogLine | undefined {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const first = bytes.indexOf(0x20);
  const second = first < 0 ? -1 : bytes.indexOf(0x20, first + 1);
  if (second < 0) return undefined;
  const third = bytes.indexOf(0x20, second + 1);
  const tags = bytes.toString('latin1', second + 1, third < 0 ? bytes.length : third);
  return {
    time: bytes.toString('latin1', 0, first),
    stream: bytes.toString('latin1', first + 1, second),
    partial: tags.split(':')[0] === 'P',
    text: third < 0 ? Buffer.alloc(0) : bytes.subarray(third + 1),
  };
}

/** Offset of the last `lines` lines. */
async function tailOffset(machine: NodeMachine, path: string, size: number, lines: number): Promise<number> {
  if (lines === 0) return size;
  let end = size;
  let found = 0;
  while (end > 0) {
    const start = Math.max(0, end - chunkBytes);
    const chunk = await machine.readAt(path, start, end - start);
    for (let index = chunk.length - 1; index >= 0; index--) {
      if (chunk[index] !== newline || start + index === size - 1) continue;
      if (++found === lines) return start + index + 1;
    }
    end = start;
  }
  return 0;
}

export async function* readLogs(source: LogSource, options: LogOptions): AsyncGenerator<Uint8Array> {
  const { machine, path, signal } = source;
  let status = await machine.status(path);
  if (status === undefined && !options.follow) return;
  // Without following, what was there when somebody asked: of a container that writes on, `tail` would find more lines than it is to
  // show, and who asks for all would read as long as it writes.
  const endOffset = options.follow ? Number.POSITIVE_INFINITY : (status?.size ?? 0);
  let offset =
    status === undefined || options.tailLines === undefined
      ? 0
      : await tailOffset(machine, path, status.size, options.tailLines);
  let inode = status?.inode;
  let rest: Uint8Array = Buffer.alloc(0);
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  let wake = Promise.withResolvers<void>();
  const onChange = () => wake.resolve();
  using stack = new DisposableStack();
  if (options.follow) {
    stack.use(source.onChange(onChange));
    stack.use(machine.watch(path.slice(0, path.lastIndexOf('/')), onChange));
    signal.addEventListener('abort', onChange, { once: true });
  }
  let ended = false;
  while (!signal.aborted && left > 0) {
    // Asked before reading: what was written before the end is then sure to be read.
    ended = options.follow && !(await source.isRunning());
    wake = Promise.withResolvers<void>();
    for (;;) {
      const length = Math.min(chunkBytes, endOffset - offset);
      const chunk = status === undefined || length <= 0 ? Buffer.alloc(0) : await machine.readAt(path, offset, length);
      if (chunk.length === 0) break;
      offset += chunk.length;
      const bytes = Buffer.concat([rest, chunk]);
      const lastNewline = bytes.lastIndexOf(newline);
      rest = bytes.subarray(lastNewline + 1);
      const output = formatLines(bytes.subarray(0, lastNewline + 1), options);
      if (output.length > 0) {
        const part = output.length > left ? output.subarray(0, left) : output;
        left -= part.length;
        yield part;
        if (left <= 0 || signal.aborted) return;
      }
    }
    if (!options.follow) return;
    const now = await machine.status(path);
    if (now !== undefined && (now.inode !== inode || now.size < offset)) {
      // Rotated: the new file begins where the old one ended.
      [inode, offset, rest, status] = [now.inode, 0, Buffer.alloc(0), now];
      continue;
    }
    status = now;
    if (ended) return;
    await wake.promise;
  }
}

function formatLines(bytes: Buffer, options: LogOptions): Buffer {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(newline, start);
    const line = parseLogLine(bytes.subarray(start, end));
    start = end + 1;
    if (line === undefined) continue;
    if (options.stream !== undefined && line.stream !== options.stream) continue;
    if (options.sinceMs !== undefined && Date.parse(line.time) < options.sinceMs) continue;
    if (options.timestamps) parts.push(Buffer.from(`${line.time} `));
    parts.push(line.text);
    if (!line.partial) parts.push(Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}
