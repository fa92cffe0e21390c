// Brings the two parts of DRA on this node together: its drivers, and the claims of its Pods.
import type { NodeMachine } from '#host/node-machine.ts';
import { Claims, type ClaimsOptions } from './claims.ts';
import { DraDrivers, type DraDriversOptions } from './drivers.ts';

export interface NodeDra {
  readonly drivers: DraDrivers;
  readonly claims: Claims;
}

export type NodeDraOptions = Omit<DraDriversOptions, 'onRegistered'> & {
  readonly machine: Pick<NodeMachine, 'readText' | 'write' | 'rename'>;
  readonly rootDirectory: string;
  readonly runtime: ClaimsOptions['runtime'];
  /** A Pod that could not be prepared may be now. */
  readonly onChange: (podUid: string) => void;
};

/** With what an earlier process of ours has prepared. */
export async function createNodeDra(options: NodeDraOptions): Promise<NodeDra> {
  const drivers: DraDrivers = new DraDrivers({
    ...options,
    onRegistered: (driver) => {
      for (const uid of claims.waitingFor(driver)) options.onChange(uid);
    },
  });
  const claims = new Claims({ ...options, drivers });
  await claims.load();
  return { drivers, claims };
}
