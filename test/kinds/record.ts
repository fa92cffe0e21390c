// Asks a peer for the answers to the cases of observed/*.json and writes them into the files:
//   PEER_TOKEN=... NODE_TLS_REJECT_UNAUTHORIZED=0 node test/kinds/record.ts https://HOST:PORT FILE ...
// It works in the namespace that the files name, which must exist, and leaves nothing behind.
import { readFileSync, writeFileSync } from 'node:fs';
import { answersOf, sorted, type KindCases, type Send } from './cases.ts';

const [peer, ...files] = process.argv.slice(2);
if (peer === undefined || files.length === 0) throw new Error('usage: record.ts URL FILE ...');
const token = process.env['PEER_TOKEN'] ?? '';

const send: Send = async (method, path, body) => {
  const response = await fetch(new URL(path, peer), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  const warnings = [...(response.headers.get('warning') ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, one]) =>
    one!.replaceAll(/\\(.)/g, '$1'),
  );
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text), warnings };
};

for (const file of files) {
  const kind = JSON.parse(readFileSync(file, 'utf8')) as KindCases;
  const answers = await answersOf(kind, send);
  const lines = kind.cases.map((one, index) => `    ${JSON.stringify({ ...one, answer: sorted(answers[index]) })}`);
  const bases = Object.entries(kind.bases).map(
    ([name, base]) => `    ${JSON.stringify(name)}: ${JSON.stringify(base)}`,
  );
  const server = kind.server === undefined ? '' : `  "server": ${JSON.stringify(kind.server)},\n`;
  const text = `{\n${server}  "path": ${JSON.stringify(kind.path)},\n  "bases": {\n${bases.join(',\n')}\n  },\n  "cases": [\n${lines.join(',\n')}\n  ]\n}\n`;
  writeFileSync(file, text);
  console.log(`${file}: ${answers.length} cases, ${answers.filter((one) => one.code < 300).length} accepted`);
}
