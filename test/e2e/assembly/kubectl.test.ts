// The real kubectl, command after command, against a control plane: every answer is upstream's, recorded from its own control
// plane (kubectl/answers.txt, by kubectl/record.ts).
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { clientsDirectory } from '#kit/machine/clients.ts';
import { readAnswers, session } from './kubectl/session.ts';
import { freePort, start, temporary, waitReady } from './microshift-process.ts';

test('kubectl is answered as by upstream', async (t) => {
  const directory = temporary(t);
  const data = path.join(directory, 'data');
  start(t, data, await freePort());
  waitReady(data);
  const expected = readAnswers();
  const answers = session({
    directory: path.join(directory, 'session'),
    kubectl: path.join(await clientsDirectory(), 'kubectl'),
    kubeconfig: path.join(data, 'resources/kubeadmin/kubeconfig'),
  });
  const seen = new Map<string, number>();
  let number = 0;
  for await (const { command, text } of answers) {
    number++;
    const times = seen.get(command) ?? 0;
    seen.set(command, times + 1);
    await t.test(`${number}: ${command}`, () => assert.equal(text, expected.get(command)?.[times]));
  }
  assert.equal(number, [...expected.values()].flat().length, 'every recorded command was run');
});
