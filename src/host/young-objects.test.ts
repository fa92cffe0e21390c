// V8's own answer to where an object is, in a process whose objects have all lived long.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

/** Makes objects at one place and keeps them; prints whether the last ones were young. */
const script = (before: string): string => `
  (async () => {
    ${before}
    const kept = [];
    const make = (i) => ({ a: [i, i + 1, i + 2], i });
    const fill = (count) => { for (let i = 0; i < count; i++) kept.push(make(i)); };
    for (let round = 0; round < 6; round++) fill(200_000);
    console.log(%InYoungGeneration(make(1)) && %InYoungGeneration(make(2).a));
  })();`;
const run = async (before: string): Promise<string> => {
  const options = ['--allow-natives-syntax', '--max-semi-space-size=1', '--input-type=commonjs', '-e', script(before)];
  return (await promisify(execFile)(process.execPath, options)).stdout.trim();
};

test('where objects lived long, new ones are young all the same', async () => {
  const module = JSON.stringify(new URL('young-objects.ts', import.meta.url).href);
  const [asV8Does, asWeDo] = await Promise.all([run(''), run(`(await import(${module})).keepNewObjectsYoung();`)]);
  // If V8 stops doing that, nothing has to be done about it any more.
  assert.equal(asV8Does, 'false');
  assert.equal(asWeDo, 'true');
});
