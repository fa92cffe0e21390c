// Every kind answers as upstream's API server did: code, reason, causes with their fields and messages, warnings, and the
// defaulted object of what is accepted. The answers are recorded (record.ts), never written by hand.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { everythingOn } from '#kit/everything-on.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { answersOf, sorted, type Answer, type Json, type KindCases, type Send } from './cases.ts';

const folder = path.join(import.meta.dirname, 'observed');

/** Go's own form of internal types and of lists in no order cannot be compared; what clients parse is before it. */
const isGoText = (message: string): boolean => /^(Invalid|Duplicate) value: [{[].*"[A-Z]\w*":|\n@@ -/.test(message);
/** Moments are the server's. */
const timeless = (object: Json): Json =>
  object === undefined
    ? undefined
    : JSON.parse(JSON.stringify(object).replaceAll(/"(last(?:Phase)?TransitionTime)":"[^"]+"/g, '"$1":"TIME"'));
const comparable = (answer: Answer, as: Answer = answer): Json =>
  sorted({
    ...answer,
    object: timeless(answer.object),
    causes: answer.causes
      ?.map(([reason, field, message]) =>
        as.causes?.some(([, there, text]) => there === field && isGoText(text))
          ? `${reason} ${field}`
          : `${reason} ${field} ${message}`,
      )
      // Upstream's maps have no order.
      .toSorted(),
  });

const only = process.env['KINDS'];
for (const file of readdirSync(folder).filter(
  (one) => one.endsWith('.json') && (only === undefined || one.includes(only)),
))
  test(`as upstream: ${file.slice(0, -'.json'.length)}`, async () => {
    const kind = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as KindCases;
    const api = await startApiServer({
      serviceCidrs: ['10.96.0.0/16'],
      ...(kind.server === 'everything' ? everythingOn() : {}),
    });
    const namespace = /\/namespaces\/([^/]+)\//.exec(kind.path)?.[1];
    if (namespace !== undefined) {
      await api.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
      await api.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, account);
    }
    const send: Send = async (method, where, body) => {
      const { status, json, warnings } = await api.send(method, where, {
        bytes: body === undefined ? undefined : JSON.stringify(body),
        contentType: body === undefined ? undefined : 'application/json',
      });
      return { status, json, warnings };
    };
    const answers = await answersOf(kind, send);
    const wrong: string[] = [];
    kind.cases.forEach(({ name, answer, differs }, index) => {
      const [ours, theirs] = [comparable(answers[index]!, answer), comparable(answer!)];
      const same = isDeepStrictEqual(ours, theirs);
      if (differs !== undefined && same) wrong.push(`${name}: does not differ any more`);
      if (differs === undefined && !same)
        wrong.push(`${name}\n  here     ${JSON.stringify(ours)}\n  upstream ${JSON.stringify(theirs)}`);
    });
    api.close();
    assert.ok(kind.cases.length > 0);
    assert.equal(wrong.length, 0, `${wrong.length} of ${kind.cases.length} differ\n${wrong.join('\n\n')}`);
  });
