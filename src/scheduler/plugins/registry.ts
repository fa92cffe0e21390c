// THE list of scheduler plugins. Filters run in this order and the first that rejects a node speaks for it.
import type { SchedulerPlugin } from '../plugin.ts';
import { balancedAllocation } from './balanced-allocation/plugin.ts';
import { dynamicResources } from './dynamic-resources/plugin.ts';
import { imageLocality } from './image-locality/plugin.ts';
import { interPodAffinity } from './inter-pod-affinity/plugin.ts';
import { nodeAffinity } from './node-affinity/plugin.ts';
import { nodeName } from './node-name/plugin.ts';
import { nodePorts } from './node-ports/plugin.ts';
import { nodeResourcesFit } from './node-resources-fit/plugin.ts';
import { nodeUnschedulable } from './node-unschedulable/plugin.ts';
import { podTopologySpread } from './pod-topology-spread/plugin.ts';
import { taintToleration } from './taint-toleration/plugin.ts';
import { nodeVolumeLimits } from './node-volume-limits/plugin.ts';
import { volumeBinding } from './volume-binding/plugin.ts';
import { volumeRestrictions } from './volume-restrictions/plugin.ts';
import { volumeZone } from './volume-zone/plugin.ts';

export const plugins: readonly SchedulerPlugin[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
  volumeRestrictions,
  nodeVolumeLimits,
  volumeBinding,
  volumeZone,
  podTopologySpread,
  interPodAffinity,
  dynamicResources,
  balancedAllocation,
  imageLocality,
];
