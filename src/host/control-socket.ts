// The socket over which `microshift status`, `wait`, `backup` and `encryption` ask the running process. Only root (the owner of the data
// directory) reaches it. One JSON text a line: one for `status`, one a change for `watch`,
// one at the end for what does something, after those that say how far it is.
import { chmodSync, closeSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';

/** sun_path holds 108 bytes; a longer path is reached through the directory's descriptor. */
const socketPathBytesMax = 100;

function reachable(socketPath: string): { readonly path: string; readonly close: () => void } {
  if (Buffer.byteLength(socketPath) <= socketPathBytesMax) return { path: socketPath, close() {} };
  const directory = openSync(path.dirname(socketPath), 'r');
  return { path: `/proc/self/fd/${directory}/${path.basename(socketPath)}`, close: () => closeSync(directory) };
}

export interface ControlSource {
  current(): unknown;
  /** Called after each change of what `current` gives. */
  onChange(listener: () => void): Disposable;
  /** Makes a backup at that path; the answer is what is told. */
  backup(target: string): Promise<unknown>;
  /** Changes the encryption key; `tell` is called with how far it is. */
  rotateKey(tell: (progress: unknown) => void): Promise<unknown>;
}

/** Watchers of one process at a time; more are refused. */
const connectionsMax = 32;
/** A command with a path. */
const commandBytesMax = 4_200;
const answerMs = 5_000;
const backupCommand = 'backup ';
const rotateCommand = 'rotate-key\n';

export async function serveControlSocket(socketPath: string, source: ControlSource): Promise<Disposable> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let command = '';
    let subscription: Disposable | undefined;
    const send = () => void socket.write(`${JSON.stringify(source.current())}\n`);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      if (subscription !== undefined || socket.writableEnded) return;
      command += text;
      if (command.length > commandBytesMax) return void socket.destroy();
      if (!command.endsWith('\n')) return;
      if (command.startsWith(backupCommand)) {
        subscription = { [Symbol.dispose]() {} };
        void source
          .backup(command.slice(backupCommand.length, -1))
          .then((answer) => socket.end(`${JSON.stringify(answer)}\n`));
        return;
      }
      if (command === rotateCommand) {
        subscription = { [Symbol.dispose]() {} };
        const tell = (value: unknown): void => void (socket.writable && socket.write(`${JSON.stringify(value)}\n`));
        void source.rotateKey(tell).then((answer) => socket.end(`${JSON.stringify(answer)}\n`));
        return;
      }
      send();
      if (command === 'watch\n') subscription = source.onChange(send);
      else socket.end();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      subscription?.[Symbol.dispose]();
      sockets.delete(socket);
    });
  });
  server.maxConnections = connectionsMax;
  // The directory is locked by this process: a socket that lies there is of a process that is gone.
  rmSync(socketPath, { force: true });
  const at = reachable(socketPath);
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(at.path, resolve));
    chmodSync(socketPath, 0o600);
  } finally {
    at.close();
  }
  return {
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      rmSync(socketPath, { force: true });
    },
  };
}

/** Asks a running process; `onLine` gets each answer and ends the conversation by returning false. */
export function askControlSocket(
  socketPath: string,
  command: 'status' | 'watch' | 'rotate-key' | `backup ${string}`,
  onLine: (value: unknown) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const at = reachable(socketPath);
    const socket = connect(at.path, () => {
      at.close();
      socket.write(`${command}\n`);
    });
    // One that is stopped or busy accepts, and says nothing.
    if (command === 'status') socket.setTimeout(answerMs, () => socket.destroy(new Error('no answer')));
    socket.setEncoding('utf8');
    let text = '';
    socket.on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        if (!onLine(JSON.parse(line))) {
          socket.destroy();
          return resolve();
        }
      }
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}
