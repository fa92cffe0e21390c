// Every hostile body has the answer that a control plane of 1.36.2 gave it: code, reason, words and warnings.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import observedAnswers from './hostile-bodies.observed.json' with { type: 'json' };
import { startApiServer } from '#kit/start-api-server.ts';
import { hostileBodies } from './hostile-bodies.ts';

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly warnings?: readonly string[];
}

const observed: Readonly<Record<string, Answer>> = observedAnswers;
/** Where we answer otherwise: the code, and why. */
const otherwise: Readonly<Record<string, readonly [code: number, why: string]>> = {
  'JSON: lists 9000 deep where a text is': [400, 'bodies may be 1,000 levels deep, not 10,000: other words'],
  'YAML: flow lists 2000 deep': [400, 'the same'],
  'YAML: flow lists 20000 deep': [400, 'the same'],
  'JSON: a quantity of 100000 digits': [400, 'quantities have at most 10,000 characters'],
  'JSON: a port that is a list': [400, 'the path does not name structs that Go embeds'],
  'YAML: not closed': [400, "the YAML library's words"],
  'apply patch: no YAML': [400, "the YAML library's words"],
  'merge patch: a field of another type': [422, 'the object is shown with members in another order, and its own uid'],
  'YAML: a key that is a map': [422, 'the key is taken as a text, which is then refused'],
};

const messageCharactersMax = 600;

test('every hostile body is answered as upstream answers it, and changes nothing', async () => {
  const api = await startApiServer();
  const collection = '/api/v1/namespaces/default/configmaps';
  await api.create(collection, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'base' }, data: { a: 'b' } });
  const { revision } = api.store;
  const differences: string[] = [];
  for (const { name, method, path, contentType, body } of hostileBodies) {
    const target = `/api/v1/namespaces/default/${path}${path.includes('?') ? '&' : '?'}dryRun=All`;
    const { status, json, warnings } = await api.send(method, target, { bytes: body, contentType });
    const isStatus = json?.kind === 'Status';
    const text: string = isStatus ? (json.message ?? '') : '';
    const message = text.length > messageCharactersMax ? `${text.slice(0, messageCharactersMax)}…` : text;
    const answer: Answer = {
      status,
      reason: isStatus ? (json.reason ?? '') : '',
      message,
      ...(warnings.length === 0 ? {} : { warnings }),
    };
    const wanted = observed[name];
    const other = otherwise[name];
    if (other !== undefined) {
      assert.equal(name in observed, true);
      assert.deepEqual([name, status], [name, other[0]]);
      continue;
    }
    try {
      assert.deepEqual(answer, wanted);
    } catch {
      differences.push(`${name}\n  is     ${JSON.stringify(answer)}\n  wanted ${JSON.stringify(wanted)}`);
    }
  }
  assert.equal(differences.join('\n'), '');
  assert.equal(api.store.revision, revision);
});
