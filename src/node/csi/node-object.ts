// What the cluster is told of this node's CSI drivers: the CSINode object, and on the Node the drivers' ids and topology labels.
import { CSINodes, Nodes } from '#api/generated/kind-references.ts';
import type { CSINode, CSINodeDriver, Node } from '#api/generated/types.ts';
import { isAlreadyExists, isConflict, isNotFound } from '#api/status.ts';
import { type Clock, sleep } from '#base/clock.ts';
import type { Client } from '#client/client.ts';
import type { CsiNodeInfo } from './client.ts';

const nodeIdAnnotation = 'csi.volume.kubernetes.io/nodeid';
const migratedAnnotation = 'storage.alpha.kubernetes.io/migrated-plugins';
/** Volumes of the kinds that upstream once had built in are those of CSI drivers, everywhere. */
const migratedPlugins = [
  'kubernetes.io/aws-ebs',
  'kubernetes.io/azure-disk',
  'kubernetes.io/azure-file',
  'kubernetes.io/cinder',
  'kubernetes.io/gce-pd',
  'kubernetes.io/portworx-volume',
  'kubernetes.io/vsphere-volume',
].join(',');
const triesMax = 4;
const retryMs = 10;
const int32Max = 2 ** 31 - 1;

export class CsiNodeObject {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #nodeName: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: { readonly client: Client; readonly clock: Clock; readonly nodeName: string }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#nodeName = options.nodeName;
  }

  /** There is a CSINode from the start on: without it the scheduler does not know of limits, and sends no volumes. */
  make(): Promise<void> {
    return this.#inTurn(async () => void (await this.#current()));
  }

  /** Throws when another driver has told another topology. */
  async install(driver: string, info: CsiNodeInfo): Promise<void> {
    if (info.nodeId === '') throw new Error('error adding CSI driver node info: driverNodeID must not be empty');
    await this.#inTurn(() => this.#writeNode(driver, info.nodeId, info.topology));
    await this.update(driver, info);
  }

  /** What the driver tells may change while it runs. */
  update(driver: string, info: CsiNodeInfo): Promise<void> {
    return this.#inTurn(async () => {
      const object = await this.#current();
      const next = driverEntry(driver, info);
      const drivers = driversOf(object);
      const before = drivers.find((one) => one.name === driver);
      if (before !== undefined && sameDriver(before, next)) return;
      await this.#client.resource(CSINodes).update({
        ...object,
        spec: { ...object.spec, drivers: [...drivers.filter((one) => one.name !== driver), next] },
      });
    });
  }

  async uninstall(driver: string): Promise<void> {
    await this.#inTurn(async () => {
      const object = await this.#client.resource(CSINodes).find({ name: this.#nodeName });
      if (object === undefined) return;
      const drivers = driversOf(object).filter((one) => one.name !== driver);
      if (drivers.length < driversOf(object).length)
        await this.#client.resource(CSINodes).update({ ...object, spec: { ...object.spec, drivers } });
    });
    await this.#inTurn(() => this.#writeNode(driver, undefined, {}));
  }

  async #current(): Promise<CSINode> {
    const objects = this.#client.resource(CSINodes);
    const node = await this.#client.resource(Nodes).get({ name: this.#nodeName });
    const { uid } = node.metadata;
    const found = await objects.find({ name: this.#nodeName });
    if (found !== undefined) {
      const owned = found.metadata.ownerReferences?.some((one) => one.kind === 'Node' && one.uid === uid) === true;
      if (owned) {
        const { annotations } = found.metadata;
        if (annotations?.[migratedAnnotation] === migratedPlugins) return found;
        return objects.update({
          ...found,
          metadata: { ...found.metadata, annotations: { ...annotations, [migratedAnnotation]: migratedPlugins } },
        });
      }
      // Of a node that had this name before.
      await objects.delete({ name: this.#nodeName }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
    return objects.create({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSINode',
      metadata: {
        name: this.#nodeName,
        annotations: { [migratedAnnotation]: migratedPlugins },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: this.#nodeName, uid: uid ?? '' }],
      },
      spec: { drivers: [] },
    });
  }

  async #writeNode(driver: string, id: string | undefined, topology: CsiNodeInfo['topology']): Promise<void> {
    const nodes = this.#client.resource(Nodes);
    const node = await nodes.get({ name: this.#nodeName });
    const labels = withTopology(node, topology);
    const annotations = withNodeId(node, driver, id);
    if (labels === node.metadata.labels && annotations === node.metadata.annotations) return;
    await nodes.update({ ...node, metadata: { ...node.metadata, labels, annotations } });
  }

  /** One after the other, and again after somebody else's write came in between. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last
      .catch(() => undefined)
      .then(async () => {
        for (let tries = 1; ; tries++)
          try {
            return await work();
          } catch (error) {
            if (tries >= triesMax || !(isConflict(error) || isAlreadyExists(error) || isNotFound(error))) throw error;
            await sleep(this.#clock, retryMs * tries);
          }
      });
    this.#last = done;
    return done;
  }
}

/** An empty list is stored as null, by upstream too. */
const driversOf = (object: CSINode): readonly CSINodeDriver[] =>
  (object.spec.drivers as readonly CSINodeDriver[] | null) ?? [];

function driverEntry(name: string, { nodeId, volumesMax, topology }: CsiNodeInfo): CSINodeDriver {
  const topologyKeys = Object.keys(topology).toSorted();
  return {
    name,
    nodeID: nodeId,
    ...(topologyKeys.length === 0 ? { topologyKeys: undefined } : { topologyKeys }),
    ...(volumesMax > 0 ? { allocatable: { count: Math.min(volumesMax, int32Max) } } : {}),
  };
}

const sameDriver = (one: CSINodeDriver, other: CSINodeDriver): boolean =>
  one.nodeID === other.nodeID &&
  one.allocatable?.count === other.allocatable?.count &&
  [...(one.topologyKeys ?? [])].toSorted().join() === (other.topologyKeys ?? []).join();

function withTopology({ metadata }: Node, topology: CsiNodeInfo['topology']): Node['metadata']['labels'] {
  const entries = Object.entries(topology);
  for (const [key, value] of entries) {
    const current = metadata.labels?.[key];
    if (current !== undefined && current !== value)
      throw new Error(
        `detected topology value collision: driver reported ${JSON.stringify(key)}:${JSON.stringify(value)} but existing label is ${JSON.stringify(key)}:${JSON.stringify(current)}`,
      );
  }
  return entries.every(([key, value]) => metadata.labels?.[key] === value)
    ? metadata.labels
    : { ...metadata.labels, ...topology };
}

function withNodeId({ metadata }: Node, driver: string, id: string | undefined): Node['metadata']['annotations'] {
  const { [nodeIdAnnotation]: text, ...others } = metadata.annotations ?? {};
  const ids = nodeIds(text);
  if (ids[driver] === id) return metadata.annotations;
  const next = Object.fromEntries(
    Object.entries({ ...ids, [driver]: id })
      .filter(([, value]) => value !== undefined)
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
  return Object.keys(next).length === 0 ? others : { ...others, [nodeIdAnnotation]: JSON.stringify(next) };
}

function nodeIds(text: string | undefined): Readonly<Record<string, string | undefined>> {
  if (text === undefined || text === '') return {};
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, string>) : {};
}
