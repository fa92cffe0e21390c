// A server before and after: namespaces with what their controllers would put into them, and nothing of an earlier run.
import type { Json } from '#kit/start-api-server.ts';
import { define, undefine } from './custom-kinds.ts';
import type { KindUnderTest } from './kind-under-test.ts';
import type { ServerUnderTest } from './servers.ts';
import { withQuery } from './step.ts';

const send = async (
  server: ServerUnderTest,
  method: string,
  path: string,
  body?: unknown,
  contentType = 'application/json',
) =>
  server.send({
    method,
    path,
    headers: {
      accept: 'application/json',
      'user-agent': 'differential/1',
      ...(body === undefined ? {} : { 'content-type': contentType }),
    },
    body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
    watches: false,
  });

/** Objects of the kind that carry the mark of this test, with whatever they wait for. */
async function clear(server: ServerUnderTest, kind: KindUnderTest): Promise<void> {
  if (!kind.row.verbs.includes('list')) return;
  for (let round = 0; round < 2; round++) {
    const listed = await send(server, 'GET', withQuery(kind.collection, { labelSelector: kind.selector }));
    if (listed.code !== 200) return;
    for (const { metadata } of (JSON.parse(listed.text) as Json).items as Json[]) {
      const path = `${kind.collection}/${metadata.name}`;
      await send(server, 'DELETE', `${path}?gracePeriodSeconds=0&propagationPolicy=Background`);
      if (round === 0 && (metadata.finalizers?.length ?? 0) === 0) continue;
      await send(server, 'PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json');
    }
  }
}

async function finalize(server: ServerUnderTest, name: string): Promise<void> {
  const namespace = await send(server, 'GET', `/api/v1/namespaces/${name}`);
  if (namespace.code !== 200) return;
  await send(server, 'DELETE', `/api/v1/namespaces/${name}`);
  const object = JSON.parse(namespace.text) as Json;
  delete object.metadata.resourceVersion;
  await send(server, 'PUT', `/api/v1/namespaces/${name}/finalize`, { ...object, spec: { finalizers: [] } });
}

/** A namespace of an earlier run: its controller takes a moment, and where there is none it would never go. */
async function untilGone(server: ServerUnderTest, name: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const { code, text } = await send(server, 'GET', `/api/v1/namespaces/${name}`);
    if (code !== 200 || (JSON.parse(text) as Json).metadata.deletionTimestamp === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await finalize(server, name);
}

export async function prepare(server: ServerUnderTest, kind: KindUnderTest): Promise<void> {
  if (kind.definition !== undefined) await define(server, kind.definition, kind.collection);
  if (kind.namespace !== '') {
    await untilGone(server, kind.namespace);
    const metadata = { name: kind.namespace, labels: { differential: 'namespace' } };
    await send(server, 'POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
    await send(server, 'POST', `/api/v1/namespaces/${kind.namespace}/serviceaccounts`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
  }
  await clear(server, kind);
}

export async function cleanUp(server: ServerUnderTest, kind: KindUnderTest): Promise<void> {
  await clear(server, kind);
  if (kind.row.resource === 'namespaces')
    for (const slot of ['a', 'b', 'w', 'many', 'applied', 'f', 'g', 'h', 'i', 'j', 'k'])
      await finalize(server, kind.nameOf(slot));
  if (kind.definition !== undefined) await undefine(server, kind.definition, kind.collection);
  // Without a namespace controller a deleted namespace would stay for ever; with one this changes nothing.
  if (kind.namespace !== '') await send(server, 'DELETE', `/api/v1/namespaces/${kind.namespace}`);
}
