import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteLinks, throughProxy, type ProxyPlace } from './proxy-links.ts';

const place: ProxyPlace = {
  prefix: '/api/v1/namespaces/default/pods/web/proxy',
  hosts: ['10.0.0.9:80', 'cluster:6443'],
};
const proxied = (path: string) => `${place.prefix}${path}`;

test("only links to the page's own host with an absolute path go through the proxy", () => {
  for (const [link, expected] of [
    ['/a', proxied('/a')],
    ['/', proxied('/')],
    ['/a/?b=/c#d', proxied('/a/?b=/c#d')],
    ['http://10.0.0.9:80/a', proxied('/a')],
    ['https://cluster:6443/a', proxied('/a')],
    [proxied('/a'), proxied('/a')],
    ['a/b', 'a/b'],
    ['#top', '#top'],
    ['mailto:ann@example.com', 'mailto:ann@example.com'],
    ['http://example.com/a', 'http://example.com/a'],
    ['//example.com/a', '//example.com/a'],
    ['', ''],
  ] as const)
    assert.equal(throughProxy(link, place), expected, link);
});

async function rewritten(page: string, chunkBytes: number): Promise<string> {
  const bytes = Buffer.from(page);
  const chunks = function* () {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  };
  const result: Uint8Array[] = [];
  for await (const one of rewriteLinks(
    (async function* () {
      yield* chunks();
    })(),
    place,
  ))
    result.push(one);
  return Buffer.concat(result).toString();
}

test('a page changes in its links alone, however it is cut into pieces', async () => {
  const page = [
    '<!doctype html><html><!-- <a href="/no"> --><title>1 < 2 <a href="/no"></title>',
    '<A class="x" HREF = \'/yes\' title="a > b">é</A><img src=/yes><img alt="src=\'/no\'" data-src="/no">',
    '<script src="/yes">if (a</b) write(\'<a href="/no">\')</script><a href="/yes">end</a><p cite="/no"><',
  ].join('\n');
  const expected = page.replaceAll('/yes', proxied('/yes'));
  for (const size of [1, 2, 3, 7, 1000]) assert.equal(await rewritten(page, size), expected, `pieces of ${size}`);
});

test('what never ends is not held back for ever', async () => {
  const page = `<a href="${'x'.repeat(200_000)}`;
  assert.equal(await rewritten(page, 1000), page);
});

test('a tag or comment that comes in very small pieces is looked through once', async () => {
  const place = { prefix: '/proxy', hosts: [] };
  const started = performance.now();
  for (const [begin, end] of [
    ['<a title="', '" href="/x">'],
    ['<!-- ', '--><a href="/x">'],
  ] as const) {
    const pieces = async function* () {
      yield Buffer.from(begin);
      for (let index = 0; index < 60_000; index++) yield Buffer.from('>');
      for (const one of end) yield Buffer.from(one);
    };
    let text = '';
    for await (const part of rewriteLinks(pieces(), place)) text += Buffer.from(part).toString('latin1');
    assert.equal(text, `${begin}${'>'.repeat(60_000)}${end.replace('/x', '/proxy/x')}`);
  }
  assert.ok(performance.now() - started < 4_000, `${performance.now() - started} ms`);
});
