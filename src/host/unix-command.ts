// One command to a line-based control socket, such as HAProxy's: sends, reads until the other side closes.
import { connect } from 'node:net';
import type { Clock } from '#base/clock.ts';

export const unixCommand = (clock: Clock, socketPath: string, command: string, timeoutMs: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect(socketPath);
    const timer = clock.schedule(timeoutMs, () =>
      socket.destroy(new Error(`no answer on ${socketPath} in ${timeoutMs} ms`)),
    );
    socket.on('data', (part) => parts.push(Buffer.from(part)));
    socket.on('error', (error) => {
      timer.cancel();
      reject(error);
    });
    socket.on('close', () => {
      timer.cancel();
      resolve(Buffer.concat(parts).toString());
    });
    socket.on('connect', () => socket.write(`${command}\n`));
  });
