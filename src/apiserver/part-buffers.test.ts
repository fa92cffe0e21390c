import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { HttpsResponse } from '#host/https-server.ts';
import { writeInTurn } from './long-answer.ts';
import { PartBuffers } from './part-buffers.ts';

test('room is used again when it is given back, and what is not from here is not taken', () => {
  const buffers = new PartBuffers();
  const [one, two] = [buffers.take(1000), buffers.take(1000)];
  assert.notEqual(one.buffer, two.buffer);
  buffers.give(one.subarray(0, 10));
  assert.equal(buffers.take(70_000).buffer, one.buffer);
  assert.notEqual(buffers.take(1000).buffer, one.buffer);
  const foreign = Buffer.allocUnsafeSlow(80 * 1024);
  buffers.give(foreign);
  assert.notEqual(buffers.take(1000).buffer, foreign.buffer);
  const large = buffers.take(1_000_000);
  assert.equal(large.length, 1_000_000);
  buffers.give(large);
  assert.ok(buffers.take(1000).length < 1_000_000);
});

/** Says that a part is written only when it is told to. */
class SlowResponse extends EventEmitter {
  readonly destroyed = false;
  readonly under: { readonly part: Uint8Array; readonly done: (error?: Error) => void }[] = [];
  ended: Uint8Array | undefined;
  write(part: Uint8Array, done: (error?: Error) => void): boolean {
    this.under.push({ part, done });
    return true;
  }
  end(part: Uint8Array): void {
    this.ended = part;
  }
}

test('a part keeps its room until it has been written out, and for ever where writing failed', async () => {
  const buffers = new PartBuffers();
  const response = new SlowResponse();
  function* parts(): Generator<Uint8Array> {
    for (const name of 'abcd') yield buffers.take(1).fill(name).subarray(0, 5);
  }
  const writing = writeInTurn(response as unknown as HttpsResponse, parts(), () => turn(), buffers);
  await turn();
  const [first, second] = response.under;
  assert.equal(String(first?.part), 'aaaaa');
  first!.done();
  await writing;
  assert.equal(String(second?.part), 'bbbbb', 'not made over while it is under way');
  assert.equal(String(response.under[2]?.part), 'ccccc');
  assert.equal(String(response.ended), 'ddddd');
  assert.ok(
    [response.under[2]!.part.buffer, response.ended!.buffer].includes(first!.part.buffer),
    'the first is used again',
  );
  second!.done(new Error('the connection is gone'));
  assert.notEqual(buffers.take(1).buffer, second!.part.buffer);
});
