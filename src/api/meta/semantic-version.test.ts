// Versions and their order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, semanticVersion } from './semantic-version.ts';

test('versions in the order of semver.org', () => {
  const order = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.2.0',
    '2.0.0',
  ];
  const versions = order.map((one) => semanticVersion(one)!);
  for (const [index, one] of versions.entries())
    for (const [other, two] of versions.entries())
      assert.equal(Math.sign(compareVersions(one, two)), Math.sign(index - other), `${order[index]} ${order[other]}`);
  assert.equal(compareVersions(semanticVersion('1.0.0+a')!, semanticVersion('1.0.0+b')!), 0);
});

test('what is none', () => {
  for (const one of ['', '1', '1.2', '01.0.0', 'v1.0.0', '1.0.0-', '1.0.0-01', '1.0.0+', `1.0.0-${'a'.repeat(2_000)}`])
    assert.equal(semanticVersion(one), undefined, one);
});
