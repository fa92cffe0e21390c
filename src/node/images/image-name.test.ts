import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalImageName, parseImageName, withDefaultTag, withoutTag } from './image-name.ts';
import { pullPolicy } from './images.ts';

test('names in full, with their default tag, and without any', () => {
  assert.equal(normalImageName('busybox'), 'docker.io/library/busybox:latest');
  assert.equal(normalImageName('index.docker.io/a/b:1'), 'docker.io/a/b:1');
  assert.equal(normalImageName('localhost:5000/b'), 'localhost:5000/b:latest');
  const digest = `sha256:${'a'.repeat(64)}`;
  assert.equal(normalImageName(`r.io/b:1@${digest}`), `r.io/b@${digest}`);
  assert.equal(withDefaultTag('busybox'), 'busybox:latest');
  assert.equal(withDefaultTag(`r.io/b@${digest}`), `r.io/b@${digest}`);
  assert.equal(withoutTag(`r.io:5000/b:1@${digest}`), 'r.io:5000/b');
  assert.equal(withoutTag('r.io:5000/b'), 'r.io:5000/b');
  assert.deepEqual(
    [pullPolicy({ name: 'c', image: 'a' }), pullPolicy({ name: 'c', image: 'a:1' })],
    ['Always', 'IfNotPresent'],
  );
});

test("what is no name is refused in upstream's words", () => {
  for (const [image, why] of [
    ['', 'invalid reference format'],
    ['a b', 'invalid reference format'],
    ['r.io/a:', 'invalid reference format'],
    ['r.io/Team/app', 'invalid reference format: repository name (Team/app) must be lowercase'],
    ['a'.repeat(64), `invalid repository name (${'a'.repeat(64)}), cannot specify 64-byte hexadecimal strings`],
    [`r.io/${'b'.repeat(256)}`, 'repository name must not be more than 255 characters'],
    [`r.io/a@sha256:${'a'.repeat(40)}`, 'invalid checksum digest length'],
    [`r.io/a@md5:${'a'.repeat(32)}`, 'unsupported digest algorithm'],
  ] as const)
    assert.throws(() => parseImageName(image), {
      message: `couldn't parse image name ${JSON.stringify(image)}: ${why}`,
    });
});
