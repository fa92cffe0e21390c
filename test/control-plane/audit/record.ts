// Sends the steps to a peer and writes its audit events beside this file:
//   node test/control-plane/audit/record.ts HTTPS_URL CERTIFICATE KEY AUDIT_LOG
// The peer's policy is OpenShift's AllRequestBodies: no stage RequestReceived, no managed fields, no bodies of secrets.
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { namespace, normalised, steps, type Step } from './steps.ts';

const [peer, certificate, key, log] = process.argv.slice(2);
if (log === undefined) throw new Error('usage: record.ts URL CERTIFICATE KEY AUDIT_LOG');
const pair = { cert: readFileSync(certificate!), key: readFileSync(key!) };

const send = ({ method, path: target, headers, body, text, as }: Step, id: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const bytes = text ?? (body === undefined ? undefined : JSON.stringify(body));
    const asked = request(
      new URL(target, peer),
      {
        method,
        rejectUnauthorized: false,
        ...(as === undefined ? pair : {}),
        headers: {
          'audit-id': id,
          ...(bytes === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
          ...(as === 'wrong' ? { authorization: 'Bearer wrong' } : {}),
          ...headers,
        },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    asked.on('error', reject);
    asked.end(bytes);
  });

const run = `run-${process.pid}`;
for (const [index, step] of steps.entries()) {
  if (step.about === 'wait') await sleep(3_000);
  console.log(step.about, await send(step, `${run}-${index}`));
}
await sleep(1_000);
await send({ about: '', method: 'DELETE', path: `/api/v1/namespaces/${namespace}` }, 'end');
const lines = readFileSync(log, 'utf8')
  .split('\n')
  .filter((line) => line.includes(`"${run}-`));
const events = lines.map((line) => JSON.parse(line) as { auditID: string });
const observed = steps.map((step, index) => ({
  about: step.about,
  events: events.filter((one) => one.auditID === `${run}-${index}`).map((one) => normalised(one) as object),
}));
const text = `[\n${observed.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`;
writeFileSync(path.join(import.meta.dirname, 'observed.json'), text);
