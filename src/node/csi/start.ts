// Brings the parts of CSI on this node together: drivers, their registration, their volumes.
import type { Node } from '#api/generated/types.ts';
import { Nodes } from '#api/generated/kind-references.ts';
import { sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Informer } from '#client/client.ts';
import { CsiDrivers } from './drivers.ts';
import type { CsiMounterOptions } from './mounter.ts';
import { CsiVolumes } from './volumes.ts';

export interface NodeCsi {
  readonly drivers: CsiDrivers;
  readonly volumes: CsiVolumes;
}

export type NodeCsiOptions = Omit<CsiMounterOptions, 'drivers' | 'node'> & {
  readonly onChange: (podUid: string) => void;
};

export function createNodeCsi(options: NodeCsiOptions): NodeCsi {
  const { client, scope, nodeName } = options;
  const drivers: CsiDrivers = new CsiDrivers({
    ...options,
    onRegistered: (driver) => volumes.wake({ driver }),
  });
  let nodes: Informer<Node> | undefined;
  const volumes = new CsiVolumes({
    ...options,
    drivers,
    async node() {
      if (nodes === undefined) {
        nodes = client.informer(Nodes, { fieldSelector: `metadata.name=${nodeName}` });
        let attached = '';
        const listening = nodes.onChange(({ current }) => {
          const now = JSON.stringify(current?.status?.volumesAttached ?? []);
          if (now === attached) return;
          attached = now;
          volumes.wake('attachment');
        });
        scope.onClose(() => listening[Symbol.dispose]());
      }
      // What was just written is read back from the API: an informer may be behind.
      return client.resource(Nodes).find({ name: nodeName });
    },
  });
  return { drivers, volumes };
}

/** Until the API has it: nothing else waits for it. */
export async function announceNode({ drivers }: NodeCsi, options: NodeCsiOptions): Promise<void> {
  for (let waitMs = 200; !options.scope.closed; waitMs = Math.min(30_000, waitMs * 2))
    try {
      return await drivers.object.make();
    } catch (error) {
      if (options.scope.closed) return;
      options.logger.warn('the CSINode object was not made', { error: messageOf(error), retryInMs: waitMs });
      await sleep(options.clock, waitMs, options.scope.signal).catch(() => undefined);
    }
}
