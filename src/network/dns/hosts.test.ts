import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DnsRecordType } from '#wire/dns-message.ts';
import { emptyResponse, responseCode } from '#wire/dns-message.ts';
import { hostsStep, parseHosts, type HostsTable } from './hosts.ts';

const text = `
# a comment
192.168.1.7  Printer.Example.com printer # in the hall
192.168.1.8\tprinter.example.com
fe80:0:0::7%eth0 printer
not-an-address nobody
10.0.0.1
10.0.0.256 nobody
`;

async function ask(table: HostsTable | undefined, name: string, type: DnsRecordType = 'A') {
  const next = () => Promise.resolve(emptyResponse(responseCode.noName));
  const answer = await hostsStep(() => table)(next)({ name, type });
  return answer.code === responseCode.noName ? 'elsewhere' : answer.answers.map((one) => 'data' in one && one.data);
}

test('names of the file are answered, in any case, with all their addresses', async () => {
  const table = parseHosts(text);
  assert.deepEqual(await ask(table, 'printer.EXAMPLE.com.'), ['192.168.1.7', '192.168.1.8']);
  assert.deepEqual(await ask(table, 'printer'), ['192.168.1.7']);
  assert.deepEqual(await ask(table, 'printer', 'AAAA'), ['fe80::7']);
  assert.deepEqual(await ask(table, '7.1.168.192.in-addr.arpa', 'PTR'), ['printer.example.com', 'printer']);
});

test('a name of the file without a record of that type is an empty answer; other names are asked further', async () => {
  const table = parseHosts(text);
  assert.deepEqual(await ask(table, 'printer.example.com', 'AAAA'), []);
  assert.equal(await ask(table, 'nobody'), 'elsewhere');
  assert.equal(await ask(table, 'constructor'), 'elsewhere');
  assert.equal(await ask(table, '9.1.168.192.in-addr.arpa', 'PTR'), 'elsewhere');
  assert.equal(await ask(undefined, 'printer'), 'elsewhere');
});
