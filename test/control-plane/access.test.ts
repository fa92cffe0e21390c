import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import { bootstrapRbac, rbacGroups, type RbacFacts } from '#assembly/bootstrap-rbac.ts';
import { pathOf, startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { answers, type Received, type Send } from './access/run.ts';

const observed = JSON.parse(readFileSync(new URL('access/answers.json', import.meta.url), 'utf8')) as Record<
  string,
  Received
>;

async function withBootstrapRoles(): Promise<TestApiServer> {
  const api = await startApiServer();
  // JSON types its tuples as lists.
  for (const { kind, objects } of rbacGroups(bootstrapRbac(facts as unknown as RbacFacts, {})))
    for (const object of objects) await api.send('POST', pathOf(kind, object.metadata.namespace), { body: object });
  return api;
}

test('reviews, refusals, tokens and impersonation are answered as upstream answers them', async () => {
  const api = await withBootstrapRoles();
  const send: Send = async ({ method, path, token, headers, body }) => {
    const { status, json, text } = await api.send(method, path, {
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { bytes: JSON.stringify(body), contentType: 'application/json' }),
    });
    return { code: status, body: json ?? text };
  };
  const given = await answers(send, async () => {});
  const different = Object.keys(observed).filter(
    (name) => JSON.stringify(given[name]) !== JSON.stringify(observed[name]),
  );
  assert.deepEqual(
    different.map((name) => [name, given[name]]),
    different.map((name) => [name, observed[name]]),
  );
  assert.deepEqual(Object.keys(given).toSorted(), Object.keys(observed).toSorted());
});
