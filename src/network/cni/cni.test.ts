import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '#api/generated/types.ts';
import { renderConflist } from './conflist.ts';
import { decideNodeRoutes, missingFamily } from './pod-network.ts';

test('the configuration for the reference plugins', () => {
  assert.deepEqual(
    JSON.parse(
      renderConflist({ bridge: 'cni0', podCidrs: ['10.42.0.0/24', 'fd01::/64'], leaseDirectory: '/run/x', mtu: 1400 }),
    ),
    {
      cniVersion: '1.0.0',
      name: 'microshift',
      plugins: [
        {
          type: 'bridge',
          bridge: 'cni0',
          isGateway: true,
          ipMasq: false,
          hairpinMode: true,
          mtu: 1400,
          ipam: {
            type: 'host-local',
            dataDir: '/run/x',
            ranges: [[{ subnet: '10.42.0.0/24' }], [{ subnet: 'fd01::/64' }]],
            routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
          },
        },
      ],
    },
  );
});

test('Pods of other nodes are routed through their node, ours are not', () => {
  const node = (name: string, podCIDRs: string[], address?: string): Node => ({
    metadata: { name },
    spec: { podCIDRs },
    status: { addresses: address === undefined ? [] : [{ type: 'InternalIP', address }] },
  });
  const nodes = [
    node('a', ['10.42.0.0/24'], '192.0.2.1'),
    node('b', ['10.42.1.0/24'], '192.0.2.2'),
    node('c', ['10.42.2.0/24']),
  ];
  assert.deepEqual(decideNodeRoutes(nodes, 'a'), [{ cidr: '10.42.1.0/24', via: '192.0.2.2' }]);
});

test('a node that got its range before the cluster had IPv6 lacks that family', () => {
  const both = ['10.42.0.0/16', 'fd01::/48'];
  assert.equal(missingFamily(['10.42.0.0/24'], both), 'IPv6');
  assert.equal(missingFamily(['10.42.0.0/24', 'fd01::/64'], both), undefined);
  assert.equal(missingFamily(['10.42.0.0/24', 'fd01::/64'], ['10.42.0.0/16']), undefined);
});
