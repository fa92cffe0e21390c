// A port that cannot be listened on, as an answer that its reader can act on.
import { OperatorError } from '#base/errors.ts';
import { portHolder } from '#host/linux/port-holder.ts';

/** `setting`: where another port is chosen. Other errors are given back as they are. */
export function listeningError(error: unknown, port: number, who: string, setting: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    const holder = portHolder(port);
    return new OperatorError(
      `Port ${port}, where ${who} is to listen, is in use${holder === undefined ? '' : ` by ${holder.command} (process ${holder.processId})`}.`,
      `Stop what uses it, or choose another port: ${setting}.`,
      { cause: error },
    );
  }
  if (code === 'EACCES')
    return new OperatorError(
      `This user may not listen on port ${port}.`,
      `Choose a port from 1024 on (${setting}), or run as root.`,
      { cause: error },
    );
  return error;
}
