// Ends a streaming connection over which nothing went for a while: upstream's streamingConnectionIdleTimeout.
import type { Clock } from '#base/clock.ts';

/** What a socket of node:net has. */
export interface CountedConnection {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly destroyed: boolean;
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** Looked at so often within the time: a connection lives at most a quarter longer. */
const looks = 4;

/** Destroys the connection when `idleMs` pass without a byte in either direction. 0: never. */
export function closeWhenIdle(connection: CountedConnection, idleMs: number, clock: Clock): void {
  if (idleMs === 0 || connection.destroyed) return;
  const count = () => connection.bytesRead + connection.bytesWritten;
  let seen = count();
  let quietLooks = 0;
  let timer = clock.schedule(idleMs / looks, look);
  connection.once('close', () => timer.cancel());

  function look(): void {
    const now = count();
    quietLooks = now === seen ? quietLooks + 1 : 0;
    seen = now;
    if (quietLooks >= looks) connection.destroy();
    else timer = clock.schedule(idleMs / looks, look);
  }
}
