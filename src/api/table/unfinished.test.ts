// Rows of kinds without a stable version: upstream's texts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '../kind.ts';
import { kindTable, parseApiVersion } from '../kinds.ts';
import { tableCells } from './cells.ts';

const now = Date.parse('2026-01-01T01:00:00Z');
const metadata = { name: 'one', creationTimestamp: '2026-01-01T00:55:00Z' };

function cellsOf(apiVersion: string, kind: string, fields: object): Record<string, unknown> {
  const { group, version } = parseApiVersion(apiVersion);
  const row = kindTable.findKind(group, version, kind)!;
  const cells = tableCells(row, { metadata, ...fields } as KubernetesObject, now);
  assert.equal(cells.length, row.columns.length, `${kind} has a cell a column`);
  return Object.fromEntries(row.columns.map(([name], index) => [name, cells[index]]));
}

test('kinds without a stable version', () => {
  const conditions = (type: string, status = 'True') => [
    { type, status, reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:58:00Z' },
  ];
  const cases: readonly (readonly [
    apiVersion: string,
    kind: string,
    fields: object,
    expected: Record<string, unknown>,
  ])[] = [
    ['certificates.k8s.io/v1beta1', 'ClusterTrustBundle', { spec: {} }, { SignerName: '<none>' }],
    [
      'certificates.k8s.io/v1beta1',
      'PodCertificateRequest',
      {
        spec: { podName: 'p', serviceAccountName: 's', nodeName: 'n', signerName: 'a.b/c' },
        status: { conditions: conditions('Denied') },
      },
      { PodName: 'p', NodeName: 'n', SignerName: 'a.b/c', State: 'Denied', UnverifiedUserAnnotations: '<none>' },
    ],
    [
      'scheduling.k8s.io/v1alpha2',
      'PodGroup',
      {
        spec: {
          schedulingPolicy: { gang: { minCount: 2 } },
          podGroupTemplateRef: { workload: { workloadName: 'w', podGroupTemplateName: 't' } },
        },
        status: { conditions: conditions('PodGroupScheduled', 'False') },
      },
      { Policy: 'Gang', Workload: 'w', Status: 'Unschedulable', Age: '5m' },
    ],
    [
      'scheduling.k8s.io/v1alpha2',
      'PodGroup',
      { spec: { schedulingPolicy: { basic: {} }, podGroupTemplateRef: null } },
      { Policy: 'Basic', Workload: '<none>', Status: 'Pending' },
    ],
    [
      'coordination.k8s.io/v1beta1',
      'LeaseCandidate',
      { spec: { leaseName: 'l', binaryVersion: '1.36.2' } },
      { LeaseName: 'l', BinaryVersion: '1.36.2', EmulationVersion: '' },
    ],
    [
      'resource.k8s.io/v1alpha3',
      'ResourcePoolStatusRequest',
      { spec: { driver: 'd' } },
      { Driver: 'd', Total: '-', Errors: '-', Pools: 0, Status: 'Pending', Completed: '<none>' },
    ],
    [
      'resource.k8s.io/v1alpha3',
      'ResourcePoolStatusRequest',
      {
        spec: { driver: 'd' },
        status: {
          poolCount: 3,
          pools: [
            { totalDevices: 2, availableDevices: 1 },
            { totalDevices: 4, validationError: 'e' },
          ],
          conditions: conditions('Complete'),
        },
      },
      {
        Total: '6',
        Available: '1',
        Allocated: '0',
        Errors: '1',
        Pools: 3,
        Status: 'Complete (2/3 pools)',
        Completed: '2m',
      },
    ],
    [
      'internal.apiserver.k8s.io/v1alpha1',
      'StorageVersion',
      {
        status: {
          storageVersions: ['a', 'b', 'c', 'd'].map((apiServerID) => ({ apiServerID, encodingVersion: 'v1' })),
        },
      },
      { CommonEncodingVersion: '<unset>', StorageVersions: 'a=v1,b=v1,c=v1 + 1 more...' },
    ],
    [
      'storagemigration.k8s.io/v1beta1',
      'StorageVersionMigration',
      {
        spec: { resource: { group: 'g.example.com', resource: 'things' } },
        status: { conditions: conditions('Running') },
      },
      { Resource: 'things.g.example.com', Status: 'Running' },
    ],
  ];
  for (const [apiVersion, kind, fields, expected] of cases) {
    const cells = cellsOf(apiVersion, kind, fields);
    for (const [column, text] of Object.entries(expected)) assert.equal(cells[column], text, `${kind} ${column}`);
  }
});
