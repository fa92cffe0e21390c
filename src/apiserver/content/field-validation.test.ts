// Field validation of every way to write, as a control plane of 1.36.2 was seen to answer it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { established } from '#kit/custom-resources.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import observed from './observed-field-validation.json' with { type: 'json' };

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'codec2s.codec2.example.com' },
  spec: {
    group: 'codec2.example.com',
    scope: 'Namespaced',
    names: { kind: 'Codec2', plural: 'codec2s', singular: 'codec2' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  a: { type: 'string' },
                  n: { type: 'integer' },
                  o: { type: 'object', properties: { b: { type: 'string' } } },
                  l: { type: 'array', items: { type: 'object', properties: { x: { type: 'string' } } } },
                },
              },
              status: { type: 'object', properties: { s: { type: 'string' } } },
            },
          },
        },
      },
    ],
  },
};

/** Answers of a control plane that show the object itself are compared from behind it. */
const withoutObject = (message: string) => message.replace(/Invalid value: "\{.*\}": /s, 'Invalid value: OBJECT: ');

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
  },
};
const custom = { apiVersion: 'codec2.example.com/v1', kind: 'Codec2', metadata: { name: 'r' }, spec: { a: 'b' } };

/** What ours answer otherwise. */
const otherwise = new Map([
  ['custom apply unknown Warn', 'an apply is told of metadata that nobody knows'],
  ['custom apply duplicate YAML Warn', 'the same'],
]);

test('every way to write is told what it has that nobody knows, and twice, as upstream tells it', async () => {
  const api = await startApiServer();
  await established(api, definition);
  await api.create('/apis/apps/v1/namespaces/default/deployments', deployment);
  await api.create('/apis/codec2.example.com/v1/namespaces/default/codec2s', custom);
  const differences: string[] = [];
  let compared = 0;
  for (const { name, method, path, contentType, body, answers } of observed)
    for (const [validation, wanted] of Object.entries(answers)) {
      const query = validation === '' ? '' : `&fieldValidation=${validation}`;
      const { status, json, warnings } = await api.send(method, path + query, { bytes: body, contentType });
      const message = json?.kind === 'Status' ? withoutObject(json.message ?? '') : '';
      const isEqual = JSON.stringify({ status, message, warnings }) === JSON.stringify(wanted);
      const title = `${name} ${validation}`;
      compared++;
      if (isEqual === otherwise.has(title))
        differences.push(
          `${title}\n  is     ${JSON.stringify({ status, message, warnings })}\n  wanted ${JSON.stringify(wanted)}`,
        );
    }
  assert.equal(differences.join('\n'), '');
  assert.equal(compared >= 100, true);
});
