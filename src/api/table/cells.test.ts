import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindTable } from '../kinds.ts';
import type { KubernetesObject } from '../kind.ts';
import { hasPrinter, tableCells } from './cells.ts';

const now = Date.parse('2026-01-01T01:00:00Z');
const metadata = { name: 'web', namespace: 'default', creationTimestamp: '2026-01-01T00:55:00Z' };
const cellsOf = (apiVersion: string, kind: string, fields: object): Record<string, unknown> => {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const row = kindTable.findKind(group!, version!, kind)!;
  const cells = tableCells(row, { metadata, ...fields } as KubernetesObject, now);
  assert.equal(cells.length, row.columns.length, `${kind} has a cell a column`);
  return Object.fromEntries(row.columns.map(([name], index) => [name, cells[index]]));
};

const running = { ready: true, restartCount: 0, state: { running: {} } };
const containers = [{ name: 'app', image: 'example:1' }];
const done = (exitCode: number, reason = '') => ({
  name: 'app',
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode, reason } },
});
const podCases: readonly [
  name: string,
  fields: { spec?: object; status?: object; metadata?: object },
  expected: Record<string, unknown>,
][] = [
  [
    'pending',
    { status: { phase: 'Pending' } },
    { Ready: '0/1', Status: 'Pending', Restarts: '0', Age: '5m', IP: '<none>', Node: '<none>' },
  ],
  [
    'running',
    {
      spec: { nodeName: 'n1' },
      status: { phase: 'Running', podIPs: [{ ip: '10.42.0.5' }], containerStatuses: [{ name: 'app', ...running }] },
    },
    { Ready: '1/1', Status: 'Running', IP: '10.42.0.5', Node: 'n1' },
  ],
  [
    'crash-looping',
    {
      status: {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'app',
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:55:00Z' } },
          },
        ],
      },
    },
    { Ready: '0/1', Status: 'CrashLoopBackOff', Restarts: '3 (5m ago)' },
  ],
  ['completed', { status: { phase: 'Succeeded', containerStatuses: [done(0, 'Completed')] } }, { Status: 'Completed' }],
  ['failed without reason', { status: { phase: 'Failed', containerStatuses: [done(3)] } }, { Status: 'ExitCode:3' }],
  [
    'half completed',
    {
      spec: { containers: [...containers, ...containers] },
      status: { phase: 'Running', containerStatuses: [done(0, 'Completed'), { name: 'b', ...running }] },
    },
    { Ready: '1/2', Status: 'NotReady' },
  ],
  [
    'initialising',
    {
      spec: { initContainers: [{ name: 'a' }, { name: 'b' }] },
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          { ...done(0, 'Completed'), name: 'a' },
          { name: 'b', ready: false, restartCount: 0, state: { running: {} } },
        ],
      },
    },
    { Status: 'Init:1/2' },
  ],
  [
    'an init container that fails',
    {
      spec: { initContainers: [{ name: 'a' }] },
      status: { phase: 'Pending', initContainerStatuses: [{ ...done(1, 'Error'), name: 'a' }] },
    },
    { Status: 'Init:Error' },
  ],
  [
    'a sidecar',
    {
      spec: { initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      status: {
        phase: 'Running',
        initContainerStatuses: [{ name: 's', started: true, ...running }],
        containerStatuses: [{ name: 'app', ...running }],
      },
    },
    { Ready: '2/2', Status: 'Running' },
  ],
  [
    'terminating',
    {
      metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:59:00Z' },
      status: { phase: 'Running', containerStatuses: [{ name: 'app', ...running }] },
    },
    { Status: 'Terminating' },
  ],
  [
    'gated',
    {
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    },
    { Status: 'SchedulingGated' },
  ],
  ['evicted', { status: { phase: 'Failed', reason: 'Evicted' } }, { Status: 'Evicted' }],
];
for (const [name, fields, expected] of podCases)
  test(`the row of a Pod: ${name}`, () => {
    const cells = cellsOf('v1', 'Pod', { ...fields, spec: { containers, ...fields.spec } });
    for (const [column, text] of Object.entries(expected)) assert.equal(cells[column], text, column);
  });

const template = { metadata: { labels: { app: 'web' } }, spec: { containers } };
const workload = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template };
const others: readonly [apiVersion: string, kind: string, fields: object, expected: Record<string, unknown>][] = [
  [
    'apps/v1',
    'Deployment',
    { spec: workload, status: { readyReplicas: 1, updatedReplicas: 2, availableReplicas: 1 } },
    { Ready: '1/2', 'Up-to-date': 2, Available: 1, Containers: 'app', Images: 'example:1', Selector: 'app=web' },
  ],
  ['apps/v1', 'ReplicaSet', { spec: workload, status: { replicas: 2 } }, { Desired: 2, Current: 2, Ready: 0 }],
  ['apps/v1', 'DaemonSet', { spec: workload }, { Desired: 0, 'Node Selector': '<none>' }],
  [
    'v1',
    'Service',
    { spec: { type: 'NodePort', clusterIPs: ['10.43.0.9'], ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }] } },
    { 'Cluster-IP': '10.43.0.9', 'External-IP': '<none>', 'Port(s)': '80:30080/TCP', Selector: '<none>' },
  ],
  [
    'v1',
    'Service',
    { spec: { type: 'LoadBalancer', ports: [] } },
    { 'Cluster-IP': '<none>', 'External-IP': '<pending>', 'Port(s)': '<none>' },
  ],
  [
    'v1',
    'Node',
    {
      metadata: {
        ...metadata,
        labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' },
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.4' }],
        nodeInfo: { kubeletVersion: 'v1.36.2', kernelVersion: '6.1', architecture: 'amd64' },
      },
    },
    {
      Status: 'Ready,SchedulingDisabled',
      Roles: 'control-plane,worker',
      Version: 'v1.36.2',
      'Internal-IP': '10.0.0.4',
      'Kernel-Version': '6.1 (amd64)',
      'OS-Image': '<unknown>',
    },
  ],
  [
    'v1',
    'PersistentVolumeClaim',
    {
      spec: { volumeName: 'pv1', storageClassName: 'local', volumeMode: 'Filesystem' },
      status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
    },
    {
      Status: 'Bound',
      Volume: 'pv1',
      Capacity: '1Gi',
      'Access Modes': 'RWO',
      StorageClass: 'local',
      VolumeAttributesClass: '<unset>',
      VolumeMode: 'Filesystem',
    },
  ],
  [
    'v1',
    'PersistentVolume',
    {
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteMany'],
        claimRef: { namespace: 'default', name: 'data' },
      },
      status: { phase: 'Released' },
    },
    { Claim: 'default/data', 'Access Modes': 'RWX', Status: 'Released' },
  ],
  [
    'storage.k8s.io/v1',
    'StorageClass',
    {
      metadata: { ...metadata, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'x/y',
    },
    { Name: 'web (default)', ReclaimPolicy: 'Delete', AllowVolumeExpansion: false },
  ],
  [
    'v1',
    'Event',
    {
      involvedObject: { kind: 'Pod', name: 'web' },
      type: 'Warning',
      reason: 'Failed',
      message: ' no \n',
      lastTimestamp: '2026-01-01T00:59:50Z',
      firstTimestamp: null,
      eventTime: '2026-01-01T00:50:00.000000Z',
      source: { component: 'kubelet', host: 'n1' },
    },
    { 'Last Seen': '10s', Object: 'pod/web', Source: 'kubelet, n1', Message: 'no', 'First Seen': '10m', Count: 1 },
  ],
  [
    'v1',
    'Endpoints',
    { subsets: [{ addresses: [{ ip: '1.1.1.1' }, { ip: '1.1.1.2' }], ports: [{ port: 80 }, { port: 81 }] }] },
    { Endpoints: '1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...' },
  ],
  [
    'discovery.k8s.io/v1',
    'EndpointSlice',
    { addressType: 'IPv4', endpoints: [] },
    { AddressType: 'IPv4', Ports: '<unset>', Endpoints: '<unset>' },
  ],
  [
    'batch/v1',
    'Job',
    { spec: { completions: 3, template }, status: { succeeded: 1, startTime: '2026-01-01T00:59:00Z' } },
    { Status: 'Running', Completions: '1/3', Duration: '60s' },
  ],
  [
    'batch/v1',
    'CronJob',
    { spec: { schedule: '* * * * *', suspend: false, jobTemplate: {} } },
    { Suspend: 'False', 'Last Schedule': '<none>', Timezone: '<none>' },
  ],
  [
    'networking.k8s.io/v1',
    'Ingress',
    { spec: { rules: [{ host: 'a.b' }], tls: [{}] } },
    { Hosts: 'a.b', Ports: '80, 443', Class: '<none>' },
  ],
  [
    'route.openshift.io/v1',
    'Route',
    {
      spec: {
        host: 'a.b',
        to: { name: 'web', weight: 100 },
        port: { targetPort: 'http' },
        tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' },
      },
      status: { ingress: [{ host: 'c.d', conditions: [{ type: 'Admitted', status: 'True' }] }] },
    },
    { 'Host/Port': 'c.d', Services: 'web', Port: 'http', Termination: 'edge/Redirect', Wildcard: 'None' },
  ],
  [
    'rbac.authorization.k8s.io/v1',
    'RoleBinding',
    {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'ann' },
        { kind: 'ServiceAccount', namespace: 'a', name: 'b' },
      ],
    },
    { Role: 'Role/r', Users: 'ann', ServiceAccounts: 'a/b' },
  ],
  [
    'policy/v1',
    'PodDisruptionBudget',
    { spec: { minAvailable: '50%' } },
    { 'Min Available': '50%', 'Max Unavailable': 'N/A', 'Allowed Disruptions': 0 },
  ],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole', {}, { Name: 'web', 'Created At': '2026-01-01T00:55:00Z' }],
];
for (const [apiVersion, kind, fields, expected] of others)
  test(`the row of a ${kind}: ${JSON.stringify(expected).slice(0, 60)}`, () => {
    const cells = cellsOf(apiVersion, kind, fields);
    for (const [column, text] of Object.entries(expected)) assert.equal(cells[column], text, column);
  });

test('a kind without printer still has a cell for each column', () => {
  for (const row of kindTable.rows.filter((one) => !hasPrinter(one)))
    assert.equal(tableCells(row, { metadata }, now).length, row.columns.length, row.typeName);
});

test('columns of numbers have numbers, not their text', () => {
  assert.equal(cellsOf('v1', 'ConfigMap', { data: { a: '1' }, binaryData: { b: '' } })['Data'], 2);
  assert.equal(cellsOf('v1', 'Secret', { type: 'Opaque' })['Data'], 0);
});
