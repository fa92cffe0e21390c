// Who this machine and this process are.
import { hostname, homedir } from 'node:os';

export interface HostIdentity {
  readonly hostname: string;
  readonly homeDirectory: string;
  readonly isRoot: boolean;
  readonly processId: number;
}

export const hostIdentity = (): HostIdentity => ({
  hostname: hostname(),
  homeDirectory: homedir(),
  isRoot: process.geteuid?.() === 0,
  processId: process.pid,
});
