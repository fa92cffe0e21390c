import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '#base/clock.ts';
import { watchPaths } from './watched-paths.ts';

function start(context: TestContext, paths: (directory: string) => readonly string[]) {
  const directory = mkdtempSync(path.join(tmpdir(), 'watched-'));
  let wake: (() => void) | undefined;
  let count = 0;
  const watched = watchPaths(paths(directory), systemClock, () => {
    count++;
    wake?.();
  });
  context.after(() => {
    watched[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  });
  return {
    directory,
    count: () => count,
    /** Resolves with the next report that `act` causes; fails when there is none. */
    after: async (act: () => void): Promise<void> => {
      const told = new Promise<void>((resolve) => (wake = resolve));
      act();
      const failed = AbortSignal.timeout(5_000);
      await Promise.race([
        told,
        new Promise((_, reject) => failed.addEventListener('abort', () => reject(new Error('nothing was reported')))),
      ]);
    },
  };
}

test('a file that is written, replaced, removed, and made again is reported each time', async (context) => {
  const { directory, after } = start(context, (one) => [path.join(one, 'config.yaml')]);
  const file = path.join(directory, 'config.yaml');
  await after(() => writeFileSync(file, 'a'));
  await after(() => writeFileSync(file, 'b'));
  await after(() => {
    writeFileSync(path.join(directory, 'new'), 'c');
    renameSync(path.join(directory, 'new'), file);
  });
  await after(() => rmSync(file));
  await after(() => writeFileSync(file, 'd'));
});

test('a directory that is not there yet is followed once it is', async (context) => {
  const { directory, after } = start(context, (one) => [path.join(one, 'etc/config.d')]);
  await after(() => mkdirSync(path.join(directory, 'etc')));
  await after(() => mkdirSync(path.join(directory, 'etc/config.d')));
  await after(() => writeFileSync(path.join(directory, 'etc/config.d/10.yaml'), 'a'));
});

test('a directory that another takes the place of is followed', async (context) => {
  const { directory, after } = start(context, (one) => {
    mkdirSync(path.join(one, 'etc'));
    writeFileSync(path.join(one, 'etc/config.yaml'), 'a');
    return [path.join(one, 'etc/config.yaml')];
  });
  const etc = path.join(directory, 'etc');
  await after(() => {
    renameSync(etc, `${etc}.old`);
    mkdirSync(etc);
  });
  await after(() => writeFileSync(path.join(etc, 'config.yaml'), 'b'));
  await after(() => writeFileSync(path.join(etc, 'config.yaml'), 'c'));
});

test('files behind links that are swapped as a whole are followed, as Kubernetes mounts them', async (context) => {
  const { directory, after } = start(context, (one) => {
    for (const version of ['v1', 'v2']) {
      mkdirSync(path.join(one, version));
      writeFileSync(path.join(one, version, 'config.yaml'), version);
    }
    symlinkSync('v1', path.join(one, 'data'));
    symlinkSync('data/config.yaml', path.join(one, 'config.yaml'));
    return [path.join(one, 'config.yaml')];
  });
  await after(() => {
    symlinkSync('v2', path.join(directory, 'new'));
    renameSync(path.join(directory, 'new'), path.join(directory, 'data'));
    rmSync(path.join(directory, 'v1'), { recursive: true });
  });
  await after(() => writeFileSync(path.join(directory, 'v2/config.yaml'), 'v3'));
});

test('the target of a link is followed', async (context) => {
  const { directory, after } = start(context, (one) => {
    mkdirSync(path.join(one, 'real'));
    writeFileSync(path.join(one, 'real/file'), 'a');
    symlinkSync(path.join(one, 'real/file'), path.join(one, 'link'));
    return [path.join(one, 'link')];
  });
  await after(() => writeFileSync(path.join(directory, 'real/file'), 'b'));
});

test('what is beside a watched file is not reported, and many changes are one report', async (context) => {
  const { directory, after, count } = start(context, (one) => [path.join(one, 'file')]);
  writeFileSync(path.join(directory, 'other'), 'a');
  await wait(200);
  assert.equal(count(), 0);
  await after(() => {
    for (let i = 0; i < 20; i++) writeFileSync(path.join(directory, 'file'), String(i));
  });
  await wait(200);
  assert.equal(count(), 1);
});
