// Test resolver outside the cluster: www.* has one address, many.* a hundred (cut over UDP).
import { createDnsTransport } from '#host/dns-sockets.ts';
import { systemClock } from '#base/clock.ts';
import { decodeQuery, emptyResponse, encodeResponse } from '#wire/dns-message.ts';

await createDnsTransport(systemClock).listen('192.0.2.2', 53, (message, overTcp) => {
  const query = decodeQuery(message);
  if (query === undefined || 'code' in query) return Promise.resolve(undefined);
  const { name } = query.question;
  const addresses = name.startsWith('many.')
    ? Array.from({ length: 100 }, (_, index) => `198.51.100.${index}`)
    : ['198.51.100.7'];
  const answers = addresses.map((data) => ({ name, type: 'A' as const, ttl: 60, data }));
  return Promise.resolve(encodeResponse(query, { ...emptyResponse(0), answers }, overTcp ? 65_535 : 512));
});
process.stdout.write('ready\n');
