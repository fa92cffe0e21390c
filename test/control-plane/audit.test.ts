// Audit events as upstream's API server wrote them for the same requests (audit/observed.json, made by audit/record.ts).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { AuditEvent } from '#apiserver/audit/event.ts';
import { startApiServer, type SendOptions } from '#kit/start-api-server.ts';
import { normalised, steps } from './audit/steps.ts';

interface Observed {
  readonly about: string;
  readonly events: readonly object[];
}
const observed = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'audit/observed.json'), 'utf8'),
) as readonly Observed[];

test('every request is recorded as upstream records it: stages, users, objects, answers, annotations', async (t) => {
  const events: AuditEvent[] = [];
  const api = await startApiServer({
    audit: { profile: () => 'AllRequestBodies', write: (event) => events.push(event) },
  });
  for (const [index, { about, method, path: target, headers, body, text, as }] of steps.entries()) {
    events.length = 0;
    const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
    const options: SendOptions = {
      as: null,
      ...(sent === undefined ? {} : { bytes: sent }),
      headers: {
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...(as === 'wrong' ? { authorization: 'Bearer wrong' } : {}),
        ...headers,
      },
      ...(as === undefined
        ? { certificate: { commonName: 'admin', organizations: ['system:masters'], fingerprint: 'abc' } }
        : {}),
    };
    if (target.includes('watch=true')) {
      await api.watch(target, options);
      api.virtualClock.advance(1_500);
    } else await api.send(method, target, options);
    assert.equal(observed[index]?.about, about, 'recorded anew after a change of the steps');
    await t.test(about, () =>
      assert.deepEqual(
        events.map((one) => normalised(one) as object),
        observed[index]!.events,
      ),
    );
  }
});
