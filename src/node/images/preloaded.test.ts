import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { type ImageArchives, linuxImageArchives } from '#host/linux/image-archives.ts';
import { buildImage } from '../../../scripts/images/build-image.ts';
import { parseKnownArchives, preloadImages, provideSandboxImage } from './preloaded.ts';

const image = (name: string) =>
  ({ id: `sha256:${name}`, repoTags: [name], repoDigests: [], size: 1, pinned: false }) as never;

test('imports what the runtime lacks, leaves the rest, reports a broken archive', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'archives-'));
  try {
    for (const name of ['present', 'missing'])
      writeFileSync(
        path.join(directory, `${name}.tar`),
        await buildImage({ name: `localhost/test/${name}:1`, files: [{ path: '/file', content: name }] }),
      );
    writeFileSync(path.join(directory, 'broken.tar'), 'not an archive');
    writeFileSync(path.join(directory, 'note.txt'), 'no archive at all');
    const imported: string[] = [];
    const real = linuxImageArchives(() => ({ kind: 'containerd', path: '/nowhere' }));
    const archives: ImageArchives = {
      list: (one) => real.list(one),
      stamp: (one) => real.stamp(one),
      watch: () => assert.fail('nothing is watched here'),
      namesIn: (one) => real.namesIn(one),
      import: async (archive) => void imported.push(path.basename(archive)),
      tag: () => assert.fail('nothing is tagged here'),
    };
    const result = await preloadImages({
      directory,
      archives,
      logger: silentLogger,
      runtime: { imageStatus: async (name) => (name.includes('present') ? image(name) : undefined) },
      known: {},
    });
    assert.deepEqual(imported, ['missing.tar']);
    assert.deepEqual(result.names, ['localhost/test/missing:1', 'localhost/test/present:1']);
    assert.equal(result.problems.length, 1);
    assert.match(result.problems[0]!, /broken\.tar could not be imported/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('an archive is imported again when it changed, and not even read when it did not', async () => {
  const calls: string[] = [];
  let stamp = 'one';
  const archives: ImageArchives = {
    list: async () => ['/images/a.tar'],
    stamp: async () => stamp,
    namesIn: async () => {
      calls.push('read');
      return ['r.io/a:1'];
    },
    import: async () => void calls.push('import'),
    watch: () => assert.fail('nothing is watched here'),
    tag: () => assert.fail('nothing is tagged here'),
  };
  const runtime = { imageStatus: async (name: string) => (calls.includes('import') ? image(name) : undefined) };
  const options = { directory: '/images', archives, logger: silentLogger, runtime };
  const first = await preloadImages({ ...options, known: {} });
  assert.deepEqual(calls.splice(1), ['import']);
  calls.push('import');
  const second = await preloadImages({ ...options, known: parseKnownArchives(JSON.stringify(first.known)) });
  assert.deepEqual([second.names, calls], [['r.io/a:1'], ['read', 'import']]);
  stamp = 'two';
  await preloadImages({ ...options, known: second.known });
  assert.deepEqual(calls, ['read', 'import', 'read', 'import']);
  assert.deepEqual(parseKnownArchives('{"a": {"stamp": 1}, "b": null}'), {});
  assert.deepEqual(parseKnownArchives('no json'), {});
});

test('no directory, no images', async () => {
  const archives = linuxImageArchives(() => ({ kind: 'containerd', path: '/nowhere' }));
  const result = await preloadImages({
    directory: '/nowhere/at/all',
    archives,
    logger: silentLogger,
    runtime: { imageStatus: async () => undefined },
    known: {},
  });
  assert.deepEqual(result, { names: [], problems: [], known: {} });
});

test("a host runtime's missing sandbox image gets ours under its name; a present one is left alone", async () => {
  const tagged: string[][] = [];
  const archives = { tag: async (from: string, to: string) => void tagged.push([from, to]) };
  const with_ = (present: readonly string[]) => ({
    imageStatus: async (name: string) => (present.includes(name) ? image(name) : undefined),
    sandboxImage: async () => 'registry.example/pause:3.6',
  });
  const options = { archives, pauseImage: 'localhost/microshift/pause:1', logger: silentLogger };
  const provided = await provideSandboxImage({ ...options, runtime: with_(['localhost/microshift/pause:1']) });
  assert.deepEqual(provided.names, ['registry.example/pause:3.6']);
  assert.deepEqual(tagged, [['localhost/microshift/pause:1', 'registry.example/pause:3.6']]);
  await provideSandboxImage({
    ...options,
    runtime: with_(['localhost/microshift/pause:1', 'registry.example/pause:3.6']),
  });
  assert.equal(tagged.length, 1);
});
