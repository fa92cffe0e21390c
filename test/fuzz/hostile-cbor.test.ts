// Bodies in CBOR through the real chain with the gate on: code, reason, words, warnings and the object that came of it are those
// of a control plane of 1.36.2.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import observedAnswers from './hostile-cbor.observed.json' with { type: 'json' };
import { featureGates } from '#api/feature-gates.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { codecDefinition, hostileCbor } from './hostile-cbor.ts';

const observed: Readonly<Record<string, unknown>> = observedAnswers;
/** Where we answer otherwise: the code, and why. */
const tooDeep: readonly [number, string] = [400, 'bodies may be 1,000 levels deep, not 10,000: other words'];
const otherwise: Readonly<Record<string, readonly [code: number, why: string]>> = {
  '20000 deep': tooDeep,
  '20000 tags deep': tooDeep,
  '20000 deep without end': tooDeep,
};

const messageCharactersMax = 600;
const cut = (text: string): string =>
  text.length > messageCharactersMax ? `${text.slice(0, messageCharactersMax)}…` : text;

test('every body in CBOR is answered as upstream answers it, and changes nothing', async () => {
  const api = await startApiServer({ featureGates: featureGates(new Map([['CBORServingAndStorage', true]])) });
  await api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', codecDefinition);
  const maps = '/api/v1/namespaces/default/configmaps';
  await api.create(maps, { metadata: { name: 'base' }, data: { a: 'b' } });
  const { revision } = api.store;
  assert.deepEqual(
    Object.keys(observed),
    hostileCbor.map(({ name }) => name),
  );
  const differences: string[] = [];
  for (const { name, method, path, contentType, body } of hostileCbor) {
    const target = `${path.startsWith('/') ? '' : '/api/v1/namespaces/default/'}${path}${path.includes('?') ? '&' : '?'}dryRun=All`;
    const { status, json, warnings } = await api.send(method, target, { bytes: body, contentType });
    const isStatus = json?.kind === 'Status';
    const object = isStatus ? undefined : { ...json };
    if (object?.metadata !== undefined) {
      const { name: objectName, labels } = object.metadata;
      object.metadata = { ...(labels === undefined ? {} : { labels }), name: objectName };
    }
    const answer = {
      status,
      ...(isStatus
        ? { reason: json.reason ?? '', message: cut(json.message ?? '') }
        : path.startsWith('pods')
          ? {}
          : { object: (object?.data?.a?.length ?? 0) > 1_000 ? 'long' : object }),
      ...(warnings.length === 0 ? {} : { warnings }),
    };
    const other = otherwise[name];
    if (other !== undefined) {
      assert.deepEqual([name, status], [name, other[0]]);
      continue;
    }
    try {
      assert.deepEqual(answer, observed[name]);
    } catch {
      differences.push(`${name}\n  is     ${JSON.stringify(answer)}\n  wanted ${JSON.stringify(observed[name])}`);
    }
  }
  assert.equal(differences.join('\n'), '');
  assert.equal(api.store.revision, revision);
});
