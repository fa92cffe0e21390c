// A CSI driver for tests: its Node service on a unix socket with its registrar beside it. It remembers what it was asked, fails
// where a test says so, and mounts by binding a folder of its own where it may.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { linuxMounts } from '#host/linux/mounts.ts';
import { csiTable, nodeCapability } from '#node/csi/table.ts';
import { registrationTable } from '#node/plugins/registration-table.ts';
import { GrpcError } from '#wire/grpc.ts';
import { announcePlugin, serveGrpc } from './grpc-server.ts';
import type { Json } from './start-api-server.ts';

export interface TestCsiDriver extends AsyncDisposable {
  readonly name: string;
  /** `METHOD`, in order. */
  readonly calls: readonly string[];
  /** The last request of a method. */
  last(method: string): Json;
  count(method: string): number;
  /** The next calls of the method fail so; undefined: no longer. */
  fail(method: string, error: { readonly code: number; readonly message: string } | undefined): void;
  /** The next calls of the method wait until what is given back is called. */
  hold(method: string): () => void;
  /** What the node is told of its place and room. */
  info: { nodeId: string; maxVolumesPerNode: number; accessibleTopology?: { segments: Record<string, string> } };
}

export interface TestCsiDriverOptions {
  readonly name?: string;
  /** Of the kubelet. */
  readonly rootDirectory: string;
  readonly capabilities?: readonly (keyof typeof nodeCapability)[];
  readonly info?: Partial<TestCsiDriver['info']>;
  /** Mounts for real: needs root. Volumes are folders in here. */
  readonly volumes?: string;
}

export async function startCsiDriver(options: TestCsiDriverOptions): Promise<TestCsiDriver> {
  const { name = 'test.csi.example', rootDirectory, volumes } = options;
  const capabilities = options.capabilities ?? ['stageUnstageVolume', 'getVolumeStats', 'expandVolume'];
  const calls: string[] = [];
  const requests = new Map<string, Json>();
  const failures = new Map<string, { readonly code: number; readonly message: string }>();
  const holds = new Map<string, Promise<void>>();
  const info = { nodeId: 'node-1', maxVolumesPerNode: 0, ...options.info };
  const answer =
    (method: string, work: (request: Json) => object = () => ({})) =>
    async (request: Json): Promise<object> => {
      calls.push(method);
      requests.set(method, request);
      await holds.get(method);
      const failure = failures.get(method);
      if (failure !== undefined) throw new GrpcError(failure.code, failure.message);
      return work(request);
    };
  const methods = {
    NodeGetInfo: answer('NodeGetInfo', () => info),
    NodeGetCapabilities: () => ({
      capabilities: capabilities.map((one) => ({ rpc: { type: nodeCapability[one] } })),
    }),
    NodeStageVolume: answer('NodeStageVolume'),
    NodeUnstageVolume: answer('NodeUnstageVolume'),
    NodePublishVolume: answer('NodePublishVolume', ({ targetPath, volumeId, volumeCapability }) => {
      if (volumeCapability.block !== null && volumeCapability.block !== undefined) {
        writeFileSync(targetPath, '');
        if (volumes !== undefined && !linuxMounts.isMountPoint(targetPath)) linuxMounts.bind('/dev/null', targetPath);
        return {};
      }
      mkdirSync(targetPath, { recursive: true });
      if (volumes !== undefined && !linuxMounts.isMountPoint(targetPath)) {
        const source = path.join(volumes, volumeId);
        mkdirSync(source, { recursive: true });
        linuxMounts.bind(source, targetPath);
      }
      return {};
    }),
    NodeUnpublishVolume: answer('NodeUnpublishVolume', ({ targetPath }) => {
      if (volumes !== undefined) linuxMounts.unmount(targetPath);
      rmSync(targetPath, { recursive: true, force: true });
      return {};
    }),
    NodeGetVolumeStats: answer('NodeGetVolumeStats', () => ({
      usage: [
        { unit: 1, total: 1000, used: 400, available: 600 },
        { unit: 2, total: 10, used: 4, available: 6 },
      ],
    })),
    NodeExpandVolume: answer('NodeExpandVolume', ({ capacityRange }) => ({
      capacityBytes: capacityRange.requiredBytes,
    })),
  };
  const folder = path.join(rootDirectory, 'plugins', name);
  const registry = path.join(rootDirectory, 'plugins_registry');
  for (const one of [folder, registry]) mkdirSync(one, { recursive: true });
  const endpoint = path.join(folder, 'csi.sock');
  const server = await serveGrpc(endpoint, [{ table: csiTable, methods }]);
  const registrar = await announcePlugin(path.join(registry, `${name}-reg.sock`), registrationTable, {
    type: 'CSIPlugin',
    name,
    endpoint,
    versions: ['1.0.0'],
  });
  return {
    name,
    calls,
    info,
    last: (method) => requests.get(method),
    count: (method) => calls.filter((one) => one === method).length,
    fail(method, error) {
      if (error === undefined) failures.delete(method);
      else failures.set(method, error);
    },
    hold(method) {
      const { promise, resolve } = Promise.withResolvers<void>();
      holds.set(method, promise);
      return () => {
        holds.delete(method);
        resolve();
      };
    },
    async [Symbol.asyncDispose]() {
      await registrar[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
