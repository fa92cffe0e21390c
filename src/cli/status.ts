// `microshift status`: asks the running process, or says that there is none and why.
import { OperatorError } from '#base/errors.ts';
import { controlSocketPath, type StatusReport } from '#assembly/status.ts';
import { askControlSocket } from '#host/control-socket.ts';
import { lockHolder } from '#host/lock.ts';
import { existsSync } from 'node:fs';
import { dataDirectoryHere } from './configuration.ts';
import { exitFailed, type StatusFlags } from './command.ts';
import { statusText } from './status-text.ts';

export async function status(flags: StatusFlags): Promise<number> {
  if (flags.output !== undefined && flags.output !== 'json')
    throw new OperatorError(`The output format ${JSON.stringify(flags.output)} is not known.`, 'The format is json.');
  const dataDirectory = await dataDirectoryHere(flags);
  let report: StatusReport | undefined;
  try {
    // What our own process sends, of the same version or one that says so.
    await askControlSocket(controlSocketPath(dataDirectory), 'status', (value) => {
      report = value as StatusReport;
      return false;
    });
  } catch (error) {
    throw await notRunning(dataDirectory, error);
  }
  if (report === undefined)
    throw new OperatorError('MicroShift ended while it was asked.', 'Ask again; its log says why it ended.');
  if (flags.output === 'json') console.log(JSON.stringify(report, null, 2));
  else process.stdout.write(statusText(report, Date.now()));
  const well = report.services.every((one) => one.problems.length === 0) && report.configuration.problem === undefined;
  return report.ready && well ? 0 : exitFailed;
}

export async function notRunning(dataDirectory: string, error: unknown): Promise<OperatorError> {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EACCES' || code === 'EPERM')
    return new OperatorError(
      `This user may not ask the MicroShift of ${dataDirectory}.`,
      'Use the user that runs it: sudo microshift status.',
    );
  if (!existsSync(dataDirectory))
    return new OperatorError(
      `MicroShift is not running here, and never did: the data directory ${dataDirectory} does not exist.`,
      'Start it with sudo microshift run (or systemctl start microshift). Where it uses another directory, name it with --data-dir.',
    );
  const holder = await lockHolder(dataDirectory);
  return holder === undefined
    ? new OperatorError(
        `MicroShift is not running (data directory ${dataDirectory}).`,
        'Start it with sudo microshift run or systemctl start microshift; why it ended is in its log: journalctl -u microshift, or /var/log/microshift.log.',
      )
    : new OperatorError(
        `MicroShift is running as process ${holder}, and does not answer.`,
        'It starts or stops right now: try again. If this stays, its log says more.',
      );
}
