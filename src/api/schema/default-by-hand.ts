// Defaulting and version conversion that no table says: aliases between fields that upstream keeps equal, and values
// derived from several fields. Each function changes the object that it is given.
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  roundUpToMilli,
} from '../quantity.ts';

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const nodeAt = (object: Node, key: string): Node | undefined => (isNode(object[key]) ? object[key] : undefined);
const nodesAt = (object: Node | undefined, key: string): Node[] => {
  const list = object?.[key];
  return Array.isArray(list) ? list.filter(isNode) : [];
};

type Quantities = Map<string, string>;

const quantitiesOf = (container: Node, part: 'requests' | 'limits'): Quantities =>
  new Map(
    Object.entries(nodeAt(nodeAt(container, 'resources') ?? {}, part) ?? {}).map(([key, value]) => [
      key,
      String(value),
    ]),
  );
const sum = (left: Quantities, right: Quantities): Quantities => {
  const result = new Map(left);
  for (const [key, value] of right) {
    const current = result.get(key);
    result.set(key, current === undefined ? value : formatQuantity(addQuantities(current, value)));
  }
  return result;
};
const maximum = (left: Quantities, right: Quantities): Quantities => {
  const result = new Map(left);
  for (const [key, value] of right) {
    const current = result.get(key);
    if (current === undefined || compareQuantities(value, current) > 0) result.set(key, value);
  }
  return result;
};

/** What the containers of a Pod need together: the running ones, or the most that an init container needs. */
function aggregate(spec: Node, part: 'requests' | 'limits'): Quantities {
  let running: Quantities = new Map();
  for (const container of nodesAt(spec, 'containers')) running = sum(running, quantitiesOf(container, part));
  let sidecars: Quantities = new Map();
  let starting: Quantities = new Map();
  for (const container of nodesAt(spec, 'initContainers')) {
    const own = quantitiesOf(container, part);
    if (container['restartPolicy'] === 'Always') {
      running = sum(running, own);
      sidecars = sum(sidecars, own);
      starting = maximum(starting, sidecars);
    } else starting = maximum(starting, sum(own, sidecars));
  }
  return maximum(running, starting);
}

const isHugePages = (key: string) => key.startsWith('hugepages-');
const isPodLevelResource = (key: string) => key === 'cpu' || key === 'memory' || isHugePages(key);

function defaultHugePagePodLimits(pod: Node): void {
  const spec = nodeAt(pod, 'spec');
  const resources = spec && nodeAt(spec, 'resources');
  if (spec === undefined || resources === undefined) return;
  const limits = { ...nodeAt(resources, 'limits') };
  const requests = nodeAt(resources, 'requests') ?? {};
  if (Object.keys(limits).length === 0 && Object.keys(requests).length === 0) return;
  for (const [key, value] of aggregate(spec, 'limits'))
    if (isHugePages(key) && !(key in requests) && !(key in limits)) limits[key] = value;
  if (Object.keys(limits).length > 0) resources['limits'] = limits;
}

function defaultPodRequests(pod: Node): void {
  const spec = nodeAt(pod, 'spec');
  const resources = spec && nodeAt(spec, 'resources');
  const limits = resources && nodeAt(resources, 'limits');
  if (spec === undefined || resources === undefined || limits === undefined || Object.keys(limits).length === 0) return;
  const requests = { ...nodeAt(resources, 'requests') };
  for (const [key, value] of aggregate(spec, 'requests'))
    if (!(key in requests) && isPodLevelResource(key) && !isHugePages(key)) requests[key] = value;
  for (const [key, value] of Object.entries(limits))
    if (!(key in requests) && isPodLevelResource(key)) requests[key] = value;
  if (Object.keys(requests).length > 0) resources['requests'] = requests;
}

const scalingRules: Readonly<Record<string, Node>> = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  },
  scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
};

const mergeScalingRules =
  (direction: 'scaleUp' | 'scaleDown') =>
  (autoscaler: Node): void => {
    const behavior = nodeAt(nodeAt(autoscaler, 'spec') ?? {}, 'behavior');
    if (behavior !== undefined)
      behavior[direction] = { ...structuredClone(scalingRules[direction]), ...nodeAt(behavior, direction) };
  };

/** Every volume type that an SCC may name, hostPath apart. */
const sccVolumeTypes = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephFS',
  'cinder',
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'image',
  'iscsi',
  'nfs',
  'persistentVolumeClaim',
  'photonPersistentDisk',
  'portworxVolume',
  'projected',
  'quobyte',
  'rbd',
  'scaleIO',
  'secret',
  'storageOS',
  'vsphere',
];

function defaultSccVolumes(constraints: Node): void {
  const hostPathAllowed = constraints['allowHostDirVolumePlugin'] === true;
  const given = constraints['volumes'];
  let volumes: Set<string>;
  if (given === undefined || given === null) volumes = new Set(['*']);
  else if (Array.isArray(given) && given.length === 0) volumes = new Set(['none']);
  else volumes = new Set((given as unknown[]).map(String));
  if (volumes.has('none') && (given as unknown[])?.length === 0)
    volumes = new Set(hostPathAllowed ? ['hostPath'] : ['none']);
  else if (hostPathAllowed) {
    if (!volumes.has('*')) volumes.add('hostPath');
  } else {
    const all = volumes.delete('*');
    volumes.delete('hostPath');
    if (all) for (const type of sccVolumeTypes) volumes.add(type);
  }
  constraints['volumes'] = [...volumes].toSorted();
}

export const byHand: Readonly<Record<string, (object: Node) => void>> = {
  defaultHugePagePodLimits,
  defaultPodRequests,
  scaleUp: mergeScalingRules('scaleUp'),
  scaleDown: mergeScalingRules('scaleDown'),
  'sorted set: unset means *, empty means none (or hostPath when allowHostDirVolumePlugin); with the flag on hostPath is added unless * is there; with it off hostPath and * are removed, and if * was there every other volume type is added':
    defaultSccVolumes,
};

export const predicates: Readonly<Record<string, (object: Node) => boolean>> = {
  ExternallyAccessible: (service) => {
    const spec = nodeAt(service, 'spec') ?? {};
    const externalIPs = spec['externalIPs'];
    return (
      spec['type'] === 'LoadBalancer' ||
      spec['type'] === 'NodePort' ||
      (spec['type'] === 'ClusterIP' && Array.isArray(externalIPs) && externalIPs.length > 0)
    );
  },
};

/** Resource lists are kept at thousandths, rounded up. */
export function roundUpResources(list: Node): void {
  for (const [key, value] of Object.entries(list)) {
    if (typeof value !== 'string') continue;
    const rounded = roundUpToMilli(parseQuantity(value));
    const text = rounded.text ?? formatQuantity(rounded);
    list[key] = text === value ? value : canonicalQuantity(text);
  }
}

function dropInitContainerAnnotations(object: Node): void {
  const annotations = nodeAt(nodeAt(object, 'metadata') ?? {}, 'annotations');
  if (annotations === undefined) return;
  for (const key of [
    'pod.beta.kubernetes.io/init-containers',
    'pod.alpha.kubernetes.io/init-containers',
    'pod.beta.kubernetes.io/init-container-statuses',
    'pod.alpha.kubernetes.io/init-container-statuses',
  ])
    delete annotations[key];
}

/** A single field and the list whose first member it repeats; the single field wins where they differ. */
function joinSingleAndList(
  object: Node,
  single: string,
  list: string,
  wrap: (value: unknown) => unknown,
  unwrap: (value: unknown) => unknown,
): void {
  const members = Array.isArray(object[list]) ? (object[list] as unknown[]) : [];
  const value = object[single];
  if (typeof value === 'string' && value !== '' && (members.length === 0 || unwrap(members[0]) !== value))
    object[list] = [wrap(value)];
  const now = object[list];
  if (Array.isArray(now) && now.length > 0) object[single] = unwrap(now[0]);
}

const same = (value: unknown) => value;

/** What reading a version into upstream's inner form and back does to an object, by type. Run after the defaults. */
export const conversions: Readonly<Record<string, (object: Node) => void>> = {
  // A field of older versions, which upstream shows as an annotation; the strategy counts it.
  'io.k8s.api.apps.v1.DaemonSet': (set) => {
    const metadata = (set['metadata'] ??= {}) as Node;
    metadata['annotations'] = {
      'deprecated.daemonset.template.generation': '0',
      ...nodeAt(metadata, 'annotations'),
    };
    const rolling = nodeAt(nodeAt(nodeAt(set, 'spec') ?? {}, 'updateStrategy') ?? {}, 'rollingUpdate');
    for (const field of ['maxUnavailable', 'maxSurge']) if (rolling !== undefined) rolling[field] ??= 0;
  },
  'io.k8s.api.apps.v1.StatefulSetSpec': (spec) => {
    for (const claim of nodesAt(spec, 'volumeClaimTemplates')) {
      claim['kind'] = 'PersistentVolumeClaim';
      claim['apiVersion'] = 'v1';
    }
  },
  'io.k8s.api.core.v1.Pod': (pod) => {
    dropInitContainerAnnotations(pod);
    const spec = nodeAt(pod, 'spec');
    const grace = spec?.['terminationGracePeriodSeconds'];
    if (spec !== undefined && typeof grace === 'number' && grace < 0) spec['terminationGracePeriodSeconds'] = 1;
  },
  'io.k8s.api.core.v1.PodTemplateSpec': dropInitContainerAnnotations,
  'io.k8s.api.core.v1.PodSpec': (spec) => {
    const name = spec['serviceAccountName'] || spec['serviceAccount'];
    if (typeof name !== 'string' || name === '') return;
    spec['serviceAccountName'] = name;
    spec['serviceAccount'] = name;
  },
  'io.k8s.api.core.v1.PodStatus': (status) =>
    joinSingleAndList(
      status,
      'podIP',
      'podIPs',
      (ip) => ({ ip }),
      (member) => (isNode(member) ? member['ip'] : undefined),
    ),
  'io.k8s.api.core.v1.NodeSpec': (spec) => joinSingleAndList(spec, 'podCIDR', 'podCIDRs', same, same),
  'io.k8s.api.core.v1.Secret': (secret) => {
    const texts = nodeAt(secret, 'stringData');
    delete secret['stringData'];
    if (texts === undefined || Object.keys(texts).length === 0) return;
    const data = { ...nodeAt(secret, 'data') };
    for (const [key, value] of Object.entries(texts)) data[key] = Buffer.from(String(value), 'utf8').toString('base64');
    secret['data'] = data;
  },
};
