// The scheduler's books: nodes with what is taken on them, kept from the informers, plus Pods that were given a node but
// whose binding is not visible yet. So nothing is ever given twice.
import {
  CSIDrivers,
  CSINodes,
  CSIStorageCapacities,
  Namespaces,
  PersistentVolumeClaims,
  PersistentVolumes,
  PodDisruptionBudgets,
  ReplicaSets,
  ReplicationControllers,
  Services,
  StatefulSets,
  StorageClasses,
  VolumeAttachments,
} from '#api/generated/kind-references.ts';
import type { LabelSelector, Node, OwnerReference, Pod, VolumeAttachment } from '#api/generated/types.ts';
import type { Client, InformerIndex } from '#client/client.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { NodeInfo } from './node-info.ts';
import type { ClusterSnapshot } from './plugin.ts';
import { DeviceBook } from './plugins/dynamic-resources/device-book.ts';
import { PodCounts } from './pod-counts.ts';

const attachmentsByNode: InformerIndex<VolumeAttachment> = { name: 'node', keysOf: ({ spec }) => [spec.nodeName] };

export class ClusterCache implements ClusterSnapshot {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Nodes in the order of their arrival; made again when one comes or goes. */
  #list: readonly NodeInfo[] = [];
  /** Pod uid -> node that it counts on. */
  readonly #places = new Map<string, string>();
  /** Pods whose node is not known (yet), by node name. */
  readonly #homeless = new Map<string, Map<string, Pod>>();
  readonly #assumed = new Set<string>();
  /** Waiting Pods for which room was made, by uid. */
  readonly #nominated = new Map<string, { readonly pod: Pod; readonly node: string }>();
  readonly #counts = new PodCounts();
  readonly #client: Client;
  readonly devices: DeviceBook;

  /** `now`: milliseconds since 1970. */
  constructor(client: Client, now: () => number) {
    this.#client = client;
    this.devices = new DeviceBook(client, now);
  }
  get nodes(): readonly NodeInfo[] {
    return this.#list;
  }
  sizes(): { readonly assumed_pods: number; readonly nodes: number; readonly pods: number } {
    return { assumed_pods: this.#assumed.size, nodes: this.#nodes.size, pods: this.#places.size };
  }
  claim(namespace: string, name: string) {
    return this.#client.informer(PersistentVolumeClaims).get(namespace, name);
  }
  volume(name: string) {
    return this.#client.informer(PersistentVolumes).get(undefined, name);
  }
  volumes() {
    return this.#client.informer(PersistentVolumes).list();
  }
  storageClass(name: string) {
    return this.#client.informer(StorageClasses).get(undefined, name);
  }
  csiNode(node: string) {
    return this.#client.informer(CSINodes).get(undefined, node);
  }
  csiDriver(name: string) {
    return this.#client.informer(CSIDrivers).get(undefined, name);
  }
  storageCapacities() {
    return this.#client.informer(CSIStorageCapacities).list();
  }
  attachments(node: string) {
    return this.#client.informer(VolumeAttachments).byIndex(attachmentsByNode, node);
  }
  namespaceLabels(namespace: string) {
    return this.#client.informer(Namespaces).get(undefined, namespace)?.metadata.labels;
  }
  budgets(namespace: string) {
    return this.#client.informer(PodDisruptionBudgets).list(namespace);
  }
  matching(key: string, matches: (pod: Pod) => boolean) {
    return this.#counts.of(key, matches);
  }
  services(namespace: string) {
    return this.#client.informer(Services).list(namespace);
  }
  controllerSelector(namespace: string, { apiVersion, kind, name }: OwnerReference): LabelSelector | undefined {
    switch (`${apiVersion} ${kind}`) {
      case 'apps/v1 ReplicaSet':
        return this.#client.informer(ReplicaSets).get(namespace, name)?.spec?.selector;
      case 'apps/v1 StatefulSet':
        return this.#client.informer(StatefulSets).get(namespace, name)?.spec?.selector;
      case 'v1 ReplicationController': {
        const matchLabels = this.#client.informer(ReplicationControllers).get(namespace, name)?.spec?.selector;
        return matchLabels === undefined ? undefined : { matchLabels };
      }
      default:
        return undefined;
    }
  }
  nominated(node: string): readonly Pod[] {
    if (this.#nominated.size === 0) return [];
    return [...this.#nominated.values()].filter((one) => one.node === node).map((one) => one.pod);
  }
  /** Room is being made for the Pod on the node; undefined: no more. */
  nominate(pod: Pod, node: string | undefined): void {
    if (node === undefined) this.#nominated.delete(pod.metadata.uid!);
    else this.#nominated.set(pod.metadata.uid!, { pod, node });
  }

  setNode(node: Node): void {
    const name = node.metadata.name!;
    const known = this.#nodes.get(name);
    if (known !== undefined) {
      known.setNode(node);
      return;
    }
    const info = new NodeInfo(node);
    for (const pod of this.#homeless.get(name)?.values() ?? []) info.add(pod);
    this.#homeless.delete(name);
    this.#nodes.set(name, info);
    this.#list = [...this.#nodes.values()];
  }
  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (info === undefined) return;
    if (info.pods.size > 0) this.#homeless.set(name, new Map(info.pods));
    this.#nodes.delete(name);
    this.#list = [...this.#nodes.values()];
  }
  /** What an informer says of a Pod. */
  setPod(pod: Pod): void {
    const uid = pod.metadata.uid!;
    const node = pod.spec.nodeName ?? '';
    if (podIsTerminal(pod)) return this.removePod(uid);
    if (node === '') {
      // An assumed Pod stays where it was assumed.
      const nominated = pod.status?.nominatedNodeName ?? '';
      if (nominated !== '' && !this.#places.has(uid)) this.nominate(pod, nominated);
      return;
    }
    this.#assumed.delete(uid);
    this.#place(pod, node);
  }
  removePod(uid: string): void {
    this.#assumed.delete(uid);
    this.#nominated.delete(uid);
    const node = this.#places.get(uid);
    if (node === undefined) return;
    this.#places.delete(uid);
    this.#nodes.get(node)?.remove(uid);
    const homeless = this.#homeless.get(node);
    homeless?.delete(uid);
    if (homeless?.size === 0) this.#homeless.delete(node);
  }
  /** Counts a Pod on a node before its binding is visible. */
  assume(pod: Pod, node: string): void {
    this.#assumed.add(pod.metadata.uid!);
    this.#place({ ...pod, spec: { ...pod.spec, nodeName: node } }, node);
  }
  /** The binding failed. Nothing happens when the Pod turns out to be bound. */
  forget(uid: string): void {
    if (this.#assumed.has(uid)) this.removePod(uid);
  }
  isPlaced(uid: string): boolean {
    return this.#places.has(uid);
  }
  #place(pod: Pod, node: string): void {
    const uid = pod.metadata.uid!;
    this.#nominated.delete(uid);
    const before = this.#places.get(uid);
    if (before !== undefined && before !== node) {
      this.#nodes.get(before)?.remove(uid);
      this.#homeless.get(before)?.delete(uid);
    }
    this.#places.set(uid, node);
    const info = this.#nodes.get(node);
    if (info !== undefined) info.add(pod);
    else {
      const homeless = this.#homeless.get(node) ?? new Map<string, Pod>();
      this.#homeless.set(node, homeless.set(uid, pod));
    }
  }
}
