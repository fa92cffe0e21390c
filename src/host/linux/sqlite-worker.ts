// The thread that owns the SQLite file: opens it, sends every row, then commits one batch after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { failureOf, RowDatabase } from './row-database.ts';
import type { FromWorker, OpenOptions, ToWorker } from './sqlite-protocol.ts';

function run(port: NonNullable<typeof parentPort>, options: OpenOptions): void {
  const send = (message: FromWorker): void =>
    port.postMessage(
      message,
      message.type === 'rows' ? [message.rows.payload.buffer, message.rows.numbers.buffer] : [],
    );
  const guarded = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      send({
        type: 'failed',
        failure: failureOf(error),
        message: error instanceof Error ? error.message : String(error),
      });
    }
  };
  let database: RowDatabase | undefined;
  guarded(() => {
    database = new RowDatabase(options);
    const meta = database.meta();
    for (const rows of database.rows()) send({ type: 'rows', rows });
    send({ type: 'opened', meta });
  });
  port.on('message', (message: ToWorker) =>
    guarded(() => {
      if (message.type === 'commit') database?.commit(message.rows, message.meta);
      else if (message.type === 'copy') database?.copyTo(message.target);
      else database?.close();
      send({ type: 'done' });
      if (message.type === 'close') port.close();
    }),
  );
}

if (parentPort !== null) run(parentPort, workerData as OpenOptions);
