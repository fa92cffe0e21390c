// Writes answers.json from what upstream's server says: node test/control-plane/access/record.ts URL TOKEN-FILE, with an
// administrator's token. It leaves a namespace, cluster roles and bindings called access or access-NAME behind.
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { answers, type Received, type Sent } from './run.ts';

const [url = '', tokenFile = ''] = process.argv.slice(2);
const administrator = readFileSync(tokenFile, 'utf8').trim();

const send = ({ method, path, token, headers, body }: Sent): Promise<Received> =>
  new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, url),
      {
        method,
        rejectUnauthorized: false,
        headers: {
          authorization: `Bearer ${token ?? administrator}`,
          'content-type': 'application/json',
          ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value as string | string[]])),
        },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          let value: unknown = text;
          try {
            value = JSON.parse(text);
          } catch {
            // A text is an answer too.
          }
          resolve({ code: response.statusCode ?? 0, body: value });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });

const result = await answers(send, () => new Promise((resolve) => setTimeout(resolve, 3_000)));
writeFileSync(new URL('answers.json', import.meta.url), `${JSON.stringify(result, null, 1)}\n`);
console.log(`${Object.keys(result).length} answers`);
