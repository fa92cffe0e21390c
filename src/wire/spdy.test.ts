import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { constants, inflateSync } from 'node:zlib';
import { controlFrame, dataFrame, headerBlock, SpdyConnection, SpdyFrameParser } from './spdy.ts';
import { spdyDictionary } from './spdy-dictionary.ts';

test('frames are found in any cut of the bytes, and oversized ones refused', () => {
  const bytes = Buffer.concat([
    dataFrame(1, 0, Buffer.from('abc')),
    controlFrame(3, 0, Buffer.from([0, 0, 0, 5, 0, 0, 0, 1])),
    dataFrame(3, 1, Buffer.alloc(0)),
  ]);
  for (let size = 1; size <= bytes.length; size++) {
    const parser = new SpdyFrameParser();
    const frames = [];
    for (let offset = 0; offset < bytes.length; offset += size)
      frames.push(...parser.push(bytes.subarray(offset, offset + size)));
    assert.deepEqual(
      frames.map((one) => [one.type, one.controlType, one.streamId, one.flags, one.payload.length]),
      [
        ['data', 0, 1, 0, 3],
        ['control', 3, 5, 0, 8],
        ['data', 0, 3, 1, 0],
      ],
    );
  }
  assert.throws(() => new SpdyFrameParser().push(Buffer.from([0, 0, 0, 1, 0, 255, 255, 255])), /SPDY frame of/);
});

test('streams are opened with compressed headers, carry data and end; a ping is answered', async () => {
  const sent: Buffer[] = [];
  const socket = new Duplex({ read() {}, write: (chunk: Buffer, _encoding, done) => (sent.push(chunk), done()) });
  let closed = 0;
  const connection = new SpdyConnection(socket, new Uint8Array(), () => closed++);
  const got: string[] = [];
  const stream = await connection.open(
    { streamtype: 'stdout' },
    { onData: (data) => got.push(Buffer.from(data).toString()), onEnd: (reset) => got.push(`end ${reset}`) },
  );
  const syn = sent[0]!;
  assert.deepEqual([syn.readUInt16BE(0), syn.readUInt16BE(2), syn.readUInt32BE(8)], [0x8003, 1, 1]);
  const block = inflateSync(syn.subarray(18), { dictionary: spdyDictionary(), finishFlush: constants.Z_SYNC_FLUSH });
  assert.deepEqual(block, headerBlock({ streamtype: 'stdout' }));
  stream.write(Buffer.from('in'));
  stream.end();
  assert.deepEqual(sent.slice(1), [dataFrame(1, 0, Buffer.from('in')), dataFrame(1, 1, Buffer.alloc(0))]);
  socket.push(
    Buffer.concat([
      dataFrame(1, 0, Buffer.from('out')),
      controlFrame(6, 0, Buffer.from([0, 0, 0, 2])),
      dataFrame(1, 1, Buffer.alloc(0)),
    ]),
  );
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(got, ['out', 'end false']);
  assert.deepEqual(sent.at(-1), controlFrame(6, 0, Buffer.from([0, 0, 0, 2])));
  socket.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(closed, 1);
});
