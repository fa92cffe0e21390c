// A DRA driver for tests: its service on a unix socket with its registrar beside it. It gives one CDI device for each claim, remembers
// what it was asked, and fails where a test says so.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type DraClaim, type DraDevice, draTables } from '#node/dra/table.ts';
import { registrationTable } from '#node/plugins/registration-table.ts';
import { announcePlugin, serveGrpc } from './grpc-server.ts';

export interface TestDraDriver extends AsyncDisposable {
  /** `prepare NAME,NAME` and `unprepare NAME`, in order. */
  readonly calls: string[];
  /** Of each claim; undefined: the driver says nothing of it. */
  devices: (claim: DraClaim) => readonly Partial<DraDevice>[] | undefined;
  /** What it says is wrong with each claim; '': nothing. */
  error: string;
}

export async function startDraDriver(
  rootDirectory: string,
  name: string,
  { service = 'v1.DRAPlugin', instance = 'dra' }: { readonly service?: string; readonly instance?: string } = {},
): Promise<TestDraDriver> {
  const folder = path.join(rootDirectory, 'plugins', name);
  const registry = path.join(rootDirectory, 'plugins_registry');
  for (const one of [folder, registry]) mkdirSync(one, { recursive: true });
  const calls: string[] = [];
  const driver = {
    calls,
    devices: ({ uid }: DraClaim): readonly Partial<DraDevice>[] | undefined => [
      { poolName: 'pool', deviceName: 'd1', cdiDeviceIds: [`${name}/claim=${uid}`] },
    ],
    error: '',
  };
  const answers =
    (what: string, of: (claim: DraClaim) => object | undefined) =>
    ({ claims }: { readonly claims: readonly DraClaim[] }) => {
      calls.push(`${what} ${claims.map((one) => one.name).join()}`);
      return {
        claims: Object.fromEntries(claims.map((one) => [one.uid, of(one)]).filter(([, one]) => one !== undefined)),
      };
    };
  const endpoint = path.join(folder, `${instance}.sock`);
  const server = await serveGrpc(endpoint, [
    {
      table: draTables[service]!,
      methods: {
        NodePrepareResources: answers('prepare', (claim) => {
          const devices = driver.devices(claim);
          return devices && { devices, error: driver.error };
        }),
        NodeUnprepareResources: answers('unprepare', () => ({ error: driver.error })),
      },
    },
  ]);
  const registrar = await announcePlugin(path.join(registry, `${name}-${instance}-reg.sock`), registrationTable, {
    type: 'DRAPlugin',
    name,
    endpoint,
    versions: [service],
  });
  return Object.assign(driver, {
    async [Symbol.asyncDispose]() {
      await registrar[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  });
}
