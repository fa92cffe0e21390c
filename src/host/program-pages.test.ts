import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cleanRanges, releaseProgramPages } from './program-pages.ts';

const mapping = (head: string, anonymousKb: number): string =>
  `${head}\nSize:               4280 kB\nRss:                4280 kB\nAnonymous:        ${String(anonymousKb).padStart(6)} kB\nVmFlags: rd mr mw me sd\n`;

test('only read-only pages of the program that are as in the file are given back', () => {
  const program = '/opt/micro shift/bin/microshift';
  const text = [
    mapping(`00400000-00800000 r--p 00000000 fe:00 131 ${program}`, 0),
    mapping(`00800000-03400000 r-xp 00400000 fe:00 131 ${program}`, 0),
    mapping(`07200000-07300000 r--p 07000000 fe:00 131 ${program}`, 24),
    mapping(`07300000-07400000 rw-p 07100000 fe:00 131 ${program}`, 0),
    mapping(`07400000-07401000 r--p 07200000 fe:00 131 ${program}`, 0),
    mapping('7f0000000000-7f0000200000 r-xp 00000000 fe:00 77 /usr/lib/libc.so.6', 0),
    mapping('7f0000400000-7f0000800000 r--p 00000000 00:00 0', 0),
  ].join('');
  assert.deepEqual(cleanRanges(text, program), [
    { start: 0x400000n, bytes: 0x400000n },
    { start: 0x800000n, bytes: 0x2c00000n },
  ]);
  assert.deepEqual(cleanRanges('', program), []);
});

test('this process holds less of its program afterwards, and goes on', async () => {
  const residentKb = (): number => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))![1]);
  const before = residentKb();
  await releaseProgramPages();
  const after = residentKb();
  assert.ok(after < before - 10_000, `${before} kB before, ${after} kB after`);
  assert.equal(JSON.parse('{"a":[1]}').a[0], 1);
});
