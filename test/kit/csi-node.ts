// The CSI part of a node for tests: drivers on real sockets, the real API server with the rights of a node, real files; only mounts
// are left out, which need root.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import type { PersistentVolume, Pod } from '#api/generated/types.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loggedScope } from '#base/scope.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { announceNode, createNodeCsi } from '#node/csi/start.ts';
import { persistentCsiVolume } from '#node/csi/volume.ts';
import { PluginRegistrations } from '#node/plugins/registration.ts';
import { startCsiDriver, type TestCsiDriverOptions } from './csi-driver.ts';
import { type Json, startApiServer } from './start-api-server.ts';

export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  for (let left = 500; ; left--)
    try {
      return await check();
    } catch (error) {
      if (left === 0) throw error;
      await sleep(10);
    }
}

export const csiDriverName = 'test.csi.example';

export async function startCsiNode(t: TestContext) {
  const rootDirectory = mkdtempSync(path.join(tmpdir(), 'csi-'));
  const api = await startApiServer({ clock: systemClock });
  // With the rights of a node, no more.
  const role = facts.clusterRoles.find(({ name }) => name === 'system:node')!;
  await api.create('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: role.name },
    rules: role.rules,
  });
  const identity = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
  const client = createInProcessClient({ handler: api.server, identity, clock: systemClock });
  await api.create('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n1' } });
  const events: string[] = [];
  const changed = new Set<string>();
  const start = async () => {
    const scope = loggedScope('csi', silentLogger);
    const options = {
      client,
      clock: systemClock,
      machine: linuxNodeMachine(),
      scope,
      logger: silentLogger,
      nodeName: 'n1',
      rootDirectory,
      events: {
        event: (...[, , reason, message]: unknown[]) => void events.push(`${String(reason)}: ${String(message)}`),
      },
      token: async (_: Pod, audience: string) => ({ token: `for ${audience}`, expirationTimestamp: 'then' }),
      onChange: (uid: string) => void changed.add(uid),
      async reportNode() {
        const node = await api.get('/api/v1/nodes/n1');
        const volumesInUse = csi.volumes.volumesInUse(node.status?.volumesInUse ?? []);
        await api.send('PUT', '/api/v1/nodes/n1/status', {
          body: { ...node, status: { ...node.status, volumesInUse } },
        });
      },
    };
    const csi = createNodeCsi(options);
    await csi.volumes.load();
    await announceNode(csi, options);
    const plugins = new PluginRegistrations({
      machine: options.machine,
      clock: systemClock,
      logger: silentLogger,
      directory: path.join(rootDirectory, 'plugins_registry'),
      handlers: { CSIPlugin: csi.drivers },
    });
    await plugins.start(scope);
    return { ...csi, scope };
  };
  let running = await start();
  t.after(async () => {
    await running.scope.close();
    await client.close();
    api.close();
    rmSync(rootDirectory, { recursive: true, force: true });
  });
  return {
    api,
    events,
    changed,
    rootDirectory,
    csi: () => running,
    async restart() {
      await running.scope.close();
      running = await start();
    },
    /** Registered. */
    async driver(options: Partial<TestCsiDriverOptions> = {}) {
      const driver = await startCsiDriver({ rootDirectory, ...options });
      await eventually(() => assert.ok(running.drivers.get(driver.name)));
      return driver;
    },
    driverObject: (spec: Json) =>
      api.create('/apis/storage.k8s.io/v1/csidrivers', {
        kind: 'CSIDriver',
        apiVersion: 'storage.k8s.io/v1',
        metadata: { name: csiDriverName },
        spec,
      }),
    mounted: (pod: Pod, volume = persistentCsiVolume(csiPersistentVolume(), false)!) =>
      eventually(() => {
        const found = running.volumes.ensure(pod, volume);
        assert.ok(found, `not mounted; ${events.join('; ')}`);
        return found.path;
      }),
    tornDown: (pod: Pod) => eventually(async () => assert.ok(await running.volumes.tearDown(pod.metadata.uid!))),
  };
}

/** As a node has it; no more than CSI looks at. */
export const csiPod = (uid: string, more: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: `pod-${uid}`, namespace: 'default', uid },
  spec: { serviceAccountName: 'robot', containers: [], ...more },
});
export const csiPersistentVolume = (csi: Json = {}, spec: Json = {}): PersistentVolume => ({
  metadata: { name: 'pv-1' },
  spec: { accessModes: ['ReadWriteOnce'], csi: { driver: csiDriverName, volumeHandle: 'vol-1', ...csi }, ...spec },
});
