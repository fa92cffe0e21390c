// What browsers are told of cross-origin requests, through the whole chain; and the operator's expressions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type Answer } from '#kit/start-api-server.ts';
import { allowedOrigins } from './allowed-origins.ts';

const corsHeaders = ({ headers }: Answer) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));
const allowed = (origin: string) => ({
  'access-control-allow-origin': origin,
  'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE, PATCH',
  'access-control-allow-headers':
    'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since',
  'access-control-expose-headers': 'Date',
  'access-control-allow-credentials': 'true',
});

test('pages of allowed origins are let in: preflight without credentials, answers and failures', async () => {
  const api = await startApiServer({ allowsOrigin: await allowedOrigins([String.raw`//example\.com(:|$)`]) });
  const origin = 'https://example.com:8443';
  const preflight = await api.send('OPTIONS', '/api/v1/pods', { as: null, headers: { origin } });
  assert.deepEqual([preflight.status, preflight.text, corsHeaders(preflight)], [204, '', allowed(origin)]);
  const found = await api.send('GET', '/api/v1/namespaces', { headers: { origin } });
  assert.deepEqual([found.status, corsHeaders(found)], [200, allowed(origin)]);
  const refused = await api.send('GET', '/api/v1/pods', { as: null, headers: { origin } });
  assert.deepEqual([refused.status, corsHeaders(refused)], [403, allowed(origin)]);
});

test('other origins, none, and a server without a list get no such header, and preflight no answer', async () => {
  const api = await startApiServer({ allowsOrigin: await allowedOrigins([String.raw`//example\.com(:|$)`]) });
  for (const origin of ['https://example.com.evil.test', 'https://notexample.com', 'null', ''])
    assert.deepEqual(corsHeaders(await api.send('GET', '/api', { headers: { origin } })), {}, origin);
  const other = await api.send('OPTIONS', '/api', { headers: { origin: 'https://evil.test' } });
  assert.deepEqual([other.status, corsHeaders(other)], [405, {}]);
  assert.equal(await allowedOrigins([]), undefined);
  const closed = await startApiServer();
  const answer = await closed.send('OPTIONS', '/api', { headers: { origin: 'https://example.com' } });
  assert.deepEqual([answer.status, corsHeaders(answer)], [405, {}]);
});

test('an expression that RE2 does not know ends the start, with what to do', async () => {
  await assert.rejects(allowedOrigins(['//(?=a)$']), /corsAllowedOrigins holds .* is no regular expression/);
});
