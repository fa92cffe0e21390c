import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '#api/generated/types.ts';
import { decide } from './decide.ts';
import { subnets } from './subnets.ts';

const node = (name: string, ...podCIDRs: string[]): Node => ({
  metadata: { name, uid: name },
  spec: podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0], podCIDRs },
});
const given = (nodes: readonly Node[], ...networks: readonly (readonly [string, number])[]) =>
  decide({ nodes, networks: networks.map(([cidr, nodePrefixLength]) => ({ cidr, nodePrefixLength })) }).actions.map(
    (one) => {
      assert.ok(one.verb === 'patch' && one.patch.type === 'strategic');
      return [one.key.name, ...(one.patch.value as { spec: { podCIDRs: string[] } }).spec.podCIDRs];
    },
  );

test('each node gets a free part, of both families', () => {
  assert.deepEqual(given([node('b'), node('a'), node('c', '10.42.1.0/24')], ['10.42.0.0/16', 24]), [
    ['a', '10.42.0.0/24'],
    ['b', '10.42.2.0/24'],
  ]);
  assert.deepEqual(given([node('a')], ['10.42.0.0/16', 24], ['fd01::/48', 64]), [['a', '10.42.0.0/24', 'fd01::/64']]);
});

test('when the network is full the node waits and is told', () => {
  const decision = decide({
    nodes: [node('a', '10.0.0.0/24'), node('b')],
    networks: [{ cidr: '10.0.0.0/24', nodePrefixLength: 24 }],
  });
  assert.deepEqual(decision.actions, []);
  assert.deepEqual(
    decision.events?.map((one) => one.reason),
    ['CIDRNotAvailable'],
  );
});

test('subnets are counted from the network address, IPv6 shortened', () => {
  assert.deepEqual([...subnets('192.168.77.5/30', 31)], ['192.168.77.4/31', '192.168.77.6/31']);
  assert.deepEqual([...subnets('fd00:0:0:a::/63', 64)], ['fd00:0:0:a::/64', 'fd00:0:0:b::/64']);
});
