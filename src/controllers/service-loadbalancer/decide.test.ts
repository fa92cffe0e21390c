import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, Service } from '#api/generated/types.ts';
import { decide } from './decide.ts';

const node = (...addresses: string[]): Node => ({
  metadata: { name: addresses.join() },
  spec: {},
  status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
});
const service = (name: string, port: number, more: object = {}, ip?: string): Service => ({
  metadata: { name, namespace: 'default', creationTimestamp: `2026-01-0${name}T00:00:00Z` },
  spec: { type: 'LoadBalancer', ports: [{ port }], ...more },
  ...(ip === undefined ? {} : { status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } } }),
});
const reserved = new Map([['TCP/6443', 'the API server']]);
const run = (services: readonly Service[], nodes: readonly Node[] = [node('192.0.2.1')], pods: readonly Pod[] = []) => {
  const { actions, events } = decide({ services, nodes, pods, reserved });
  return {
    ips: Object.fromEntries(
      actions.map((one) => {
        const changed = (one.verb === 'update' ? one.object : undefined) as Service;
        const ips = (changed.status?.loadBalancer?.ingress ?? []).map((ingress) => ingress.ip);
        return [changed.metadata.name, ips];
      }),
    ),
    waiting: (events ?? []).map((event) => `${event.about.metadata.name}: ${event.message}`),
  };
};

test('every address of every node, of the families that the Service has', () => {
  const nodes = [node('192.0.2.1', '2001:db8::1'), node('192.0.2.2')];
  assert.deepEqual(run([service('1', 80)], nodes).ips, { 1: ['192.0.2.1', '2001:db8::1', '192.0.2.2'] });
  assert.deepEqual(run([service('1', 80, { ipFamilies: ['IPv4'] })], nodes).ips, { 1: ['192.0.2.1', '192.0.2.2'] });
});

test('who has a port keeps it; else the older gets it', () => {
  const conflict = (one: number, holder: number) => [
    `${one}: Error syncing load balancer: node port 80 occupied by Service default/${holder}`,
  ];
  assert.deepEqual(run([service('2', 80), service('1', 80)]), { ips: { 1: ['192.0.2.1'] }, waiting: conflict(2, 1) });
  assert.deepEqual(run([service('1', 80), service('2', 80, {}, '192.0.2.1')]), { ips: {}, waiting: conflict(1, 2) });
  const udp = service('2', 80, { ports: [{ port: 80, protocol: 'UDP' }] });
  assert.deepEqual(run([service('1', 80), udp]).waiting, []);
});

test('other classes are left alone; a former load balancer loses its addresses', () => {
  assert.deepEqual(run([service('1', 80, { loadBalancerClass: 'example.org/x' })]).ips, {});
  assert.deepEqual(run([service('1', 80, { type: 'ClusterIP' }, '192.0.2.1')]).ips, { 1: [] });
  assert.deepEqual(run([service('1', 80, {}, '192.0.2.1')]).ips, {}, 'what is right is not written again');
});

test("the router's ports are nobody else's, and its addresses its own affair", () => {
  const router = { ...service('9', 80), metadata: { name: 'router-default', namespace: 'openshift-ingress' } };
  assert.deepEqual(run([service('1', 80, {}, '192.0.2.1'), router]), {
    ips: { 1: [] },
    waiting: ['1: Error syncing load balancer: node port 80 occupied by Service openshift-ingress/router-default'],
  });
});

test("ports of the node itself, host ports of Pods and node ports of Services are nobody else's", () => {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] }] },
  };
  const nodePort = service('3', 1, { type: 'NodePort', ports: [{ port: 1, nodePort: 30_080 }] });
  const { ips, waiting } = run(
    [service('4', 6443), service('5', 8080), service('6', 30_080), nodePort, service('7', 81)],
    undefined,
    [pod],
  );
  assert.deepEqual(ips, { 7: ['192.0.2.1'] });
  assert.deepEqual(waiting, [
    '4: Error syncing load balancer: node port 6443 occupied by the API server',
    '5: Error syncing load balancer: node port 8080 occupied by Pod default/p',
    '6: Error syncing load balancer: node port 30080 occupied by the node port of Service default/3',
  ]);
});
