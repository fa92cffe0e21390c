import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodTemplateSpec } from '#api/generated/types.ts';
import { revisionHash } from '../revisions/revisions.ts';
import golden from './template-hash-golden.json' with { type: 'json' };
import { templateHash } from './template-hash.ts';

interface Row {
  readonly template: PodTemplateSpec;
  readonly collisionCount?: number;
  readonly hash: string;
  readonly revisionHash: string;
}
// What upstream's ComputeHash and HashControllerRevision of 1.36.2 answered: every field, parts of all, odd quantities and texts.
const rows = golden as unknown as readonly Row[];

test("hashes of templates and of StatefulSets' revisions are upstream's", () => {
  assert.ok(rows.length > 30);
  for (const [index, { template, collisionCount, hash, revisionHash: ofRevision }] of rows.entries()) {
    assert.equal(templateHash(template, collisionCount), hash, `row ${index}`);
    assert.equal(revisionHash(template, collisionCount), ofRevision, `row ${index}, revision`);
  }
});

test('the hash is of what Go makes of a template: neither order, nor nothing said in several ways matters', () => {
  const said = { metadata: {}, spec: { containers: [{ name: 'c', image: 'i', args: [], tty: false, stdin: null }] } };
  const unsaid = { spec: { containers: [{ image: 'i', name: 'c' }] } };
  assert.equal(
    templateHash(said as unknown as PodTemplateSpec, undefined),
    templateHash(unsaid as unknown as PodTemplateSpec, undefined),
  );
});
