// Tolerations that every Pod has, and the taint that every new Node has until it is ready.
import type { Node, Pod, Toleration } from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../context.ts';
import { isCreate, isResource, only } from './operations.ts';

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
const tolerationSeconds = 300;

const tolerates = (tolerations: readonly Toleration[], key: string): boolean =>
  tolerations.some(
    (one) =>
      ((one.key ?? '') === key || (one.key ?? '') === '') &&
      ((one.effect ?? '') === 'NoExecute' || (one.effect ?? '') === ''),
  );

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  concerns: only('pods'),
  mutate(attributes: AdmissionAttributes): void {
    if (attributes.subresource !== '' || !isResource(attributes, '', 'pods')) return;
    const pod = attributes.object as Mutable<Pod> | undefined;
    if (pod?.spec === undefined) return;
    const before = pod.spec.tolerations ?? [];
    const added = [notReady, unreachable]
      .filter((key) => !tolerates(before, key))
      .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }));
    if (added.length > 0) pod.spec.tolerations = [...before, ...added];
  },
};

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  concerns: only('nodes'),
  mutate(attributes: AdmissionAttributes): void {
    if (!isCreate(attributes, '', 'nodes')) return;
    const node = attributes.object as Mutable<Node>;
    const taints = (node.spec ??= {}).taints ?? [];
    if (!taints.some((taint) => taint.key === notReady && taint.effect === 'NoSchedule'))
      node.spec.taints = [...taints, { key: notReady, effect: 'NoSchedule' }];
  },
};
