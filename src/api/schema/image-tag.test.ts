import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageTag } from './image-tag.ts';

test('the tag of an image, which is latest where there is none', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  for (const [reference, tag] of [
    ['a', 'latest'],
    ['example.com/a', 'latest'],
    ['example.com:5000/a/b', 'latest'],
    ['localhost/a__b', 'latest'],
    ['[fe80::1]:5000/a', 'latest'],
    ['Example.com/a', 'latest'],
    ['example.com:5000/a:1.2', '1.2'],
    ['a:latest', 'latest'],
    [`a@${digest}`, ''],
    [`a:1@${digest}`, '1'],
  ] as const)
    assert.equal(imageTag(reference), tag, reference);
});

test('what is no name of an image has no tag', () => {
  for (const reference of [
    '',
    ' a b',
    'UPPER',
    'example.com/Upper',
    'a/',
    'a//b',
    'a:',
    'a:b c',
    'a..b',
    'a@sha256:12',
    'x'.repeat(256),
    `example.com/${'a-'.repeat(100_000)}`,
    'f'.repeat(64),
  ])
    assert.equal(imageTag(reference), '', reference.slice(0, 40));
});
