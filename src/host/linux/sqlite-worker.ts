// The thread that owns the SQLite file: opens it, sends every row, then commits one batch after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '#base/errors.ts';
import { failureOf, RowDatabase } from './row-database.ts';
import type { FromWorker, OpenOptions, ToWorker } from './sqlite-protocol.ts';

/** While commits come. */
const maintenancePauseMs = 20;

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
        message: messageOf(error),
      });
    }
  };
  let database: RowDatabase | undefined;
  guarded(() => {
    database = new RowDatabase(options);
    const meta = database.meta();
    for (const rows of database.rows()) send({ type: 'rows', rows });
    send({ type: 'opened', meta, usage: database.usage() });
  });
  let commits = 0;
  let commitsSeen = 0;
  let lastProblem: string | undefined;
  let planned: NodeJS.Timeout | undefined;
  // Behind commits, a step at a time, so that the next one does not wait longer than that.
  const planMaintenance = (pauseMs = maintenancePauseMs): void => {
    planned ??= setTimeout(() => {
      planned = undefined;
      const isBusy = commits !== commitsSeen;
      commitsSeen = commits;
      let problem: string | undefined;
      try {
        if (database?.maintain() === true) planMaintenance(isBusy ? maintenancePauseMs : 0);
      } catch (error) {
        // Nothing that was committed depends on it: SQLite goes on with the log, and it is tried again behind the next commit.
        problem = messageOf(error);
      }
      if (problem !== lastProblem) send({ type: 'maintenance', problem });
      lastProblem = problem;
    }, pauseMs);
  };
  port.on('message', (message: ToWorker) =>
    guarded(() => {
      if (message.type === 'close') clearTimeout(planned);
      else planMaintenance();
      commits++;
      if (message.type === 'commit') database?.commit(message.rows, message.meta);
      else if (message.type === 'copy') database?.copyTo(message.target);
      else if (message.type === 'close') database?.close();
      send({ type: 'done', usage: message.type === 'close' ? undefined : database?.usage() });
      if (message.type === 'close') port.close();
    }),
  );
}

if (parentPort !== null) run(parentPort, workerData as OpenOptions);
