import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chooseNodeAddress,
  chooseNodeIpv6,
  defaultRouteInterface,
  machineNetworks,
  type InterfaceAddress,
} from './addresses.ts';

const header = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const route = (name: string, destination: string, metric: number, flags = '0003', mask = destination) =>
  `${name}\t${destination}\t0100A8C0\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;
const address = (name: string, text: string, loopback = false): InterfaceAddress => ({
  interface: name,
  address: text,
  family: text.includes(':') ? 'IPv6' : 'IPv4',
  loopback,
});

test('the default route with the lowest metric wins, and one that is down does not count', () => {
  const routes =
    header +
    route('eth0', '0002A8C0', 0, '0001', '00FFFFFF') +
    route('wlan0', '00000000', 600) +
    route('eth1', '00000000', 100) +
    route('eth2', '00000000', 1, '0002');
  assert.equal(defaultRouteInterface(routes), 'eth1');
  assert.equal(defaultRouteInterface(header), undefined);
});

test("the node's address is that of the default route, else of a real interface, else loopback", () => {
  const all = [
    address('lo', '127.0.0.1', true),
    address('cni0', '10.42.0.1'),
    address('eth0', '192.168.1.5'),
    address('eth1', 'fd00::1'),
    address('eth1', '192.168.2.5'),
  ];
  assert.equal(chooseNodeAddress(all, 'eth1'), '192.168.2.5');
  assert.equal(chooseNodeAddress(all, undefined), '192.168.1.5');
  assert.equal(chooseNodeAddress(all.slice(0, 2), undefined), '127.0.0.1');
});

test("the node's address of IPv6 is the one before, else of the node's interface, else of a real one; a link's never", () => {
  const all = [
    address('lo', '::1', true),
    address('cni0', 'fd01::1'),
    address('eth0', 'fe80::5'),
    address('eth0', '2001:db8::5'),
    address('eth1', '2001:db8:1::5'),
    address('eth1', '2001:db8:1::6'),
  ];
  assert.equal(chooseNodeIpv6(all, 'eth1', '2001:db8:1::6'), '2001:db8:1::6');
  assert.equal(chooseNodeIpv6(all, 'eth1', '2001:db8:1::7'), '2001:db8:1::5');
  assert.equal(chooseNodeIpv6(all, undefined, undefined), '2001:db8::5');
  assert.equal(chooseNodeIpv6(all.slice(0, 3), 'eth0', undefined), undefined);
});

test('networks of the machine are those that it is in, without loopback, single links and the Pod network', () => {
  const one = (cidr: string, internal = false, family: 'IPv4' | 'IPv6' = 'IPv4') => ({
    address: cidr.split('/')[0]!,
    netmask: '',
    mac: '',
    scopeid: 0,
    internal,
    family,
    cidr,
  });
  const interfaces = {
    lo: [one('127.0.0.1/8', true), one('10.43.0.10/32', true)],
    eth0: [
      one('192.168.1.10/24'),
      one('2001:db8::10/64', false, 'IPv6'),
      { ...one('fe80::1/64', false), family: 'IPv6' as const },
    ],
    cni0: [one('10.42.0.1/24')],
    tun0: [one('10.8.0.5/8')],
  };
  assert.deepEqual(machineNetworks(interfaces), [
    { interface: 'eth0', cidr: '192.168.1.10/24' },
    { interface: 'eth0', cidr: '2001:db8::10/64' },
    { interface: 'tun0', cidr: '10.8.0.5/8' },
  ]);
});
