// SPDY/3.1 as Kubernetes' remote commands use it: the client's side, over a connection that was upgraded already. Streams
// are opened by us; what the server's replies carry in headers is not needed and not read. Servers of this family (they all
// use one library) send and honour no window updates: back-pressure is the connection's own.
import type { Duplex } from 'node:stream';
import { constants, createDeflate, type Deflate } from 'node:zlib';
import { spdyDictionary } from './spdy-dictionary.ts';

const frameType = {
  synStream: 1,
  synReply: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;
const flagFin = 1;
/** A frame's length has 24 bits; no server of this family sends more than 32 KiB at once. */
const frameBytesMax = 1 << 20;
const dataChunkBytes = 32 * 1024;

export interface SpdyStreamHandlers {
  onData(data: Uint8Array): void;
  /** The server will send no more; `reset`: it gave the stream up. */
  onEnd(reset: boolean): void;
}

export interface SpdyStream {
  readonly id: number;
  /** False: the connection's buffer is full; `whenDrained` tells when to go on. */
  write(data: Uint8Array): boolean;
  /** Half-close: no more from us. */
  end(): void;
}

export interface SpdyFrame {
  readonly type: 'data' | 'control';
  /** Of a control frame. */
  readonly controlType: number;
  readonly streamId: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** Cuts a byte stream into frames. */
export class SpdyFrameParser {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Uint8Array): SpdyFrame[] {
    const buffer =
      this.#rest.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        : Buffer.concat([this.#rest, bytes]);
    const frames: SpdyFrame[] = [];
    let offset = 0;
    while (buffer.length - offset >= 8) {
      const length = buffer.readUIntBE(offset + 5, 3);
      if (length > frameBytesMax) throw new Error(`SPDY frame of ${length} bytes`);
      if (buffer.length - offset < 8 + length) break;
      const first = buffer.readUInt32BE(offset);
      const isControl = first >>> 31 === 1;
      const payload = buffer.subarray(offset + 8, offset + 8 + length);
      frames.push({
        type: isControl ? 'control' : 'data',
        controlType: isControl ? first & 0xffff : 0,
        streamId: isControl ? (payload.length >= 4 ? payload.readUInt32BE(0) & 0x7fffffff : 0) : first & 0x7fffffff,
        flags: buffer[offset + 4]!,
        payload,
      });
      offset += 8 + length;
    }
    this.#rest = Buffer.from(buffer.subarray(offset));
    return frames;
  }
}

export function controlFrame(type: number, flags: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(8 + payload.length);
  frame.writeUInt16BE(0x8003, 0);
  frame.writeUInt16BE(type, 2);
  frame[4] = flags;
  frame.writeUIntBE(payload.length, 5, 3);
  frame.set(payload, 8);
  return frame;
}

export function dataFrame(streamId: number, flags: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(8 + payload.length);
  frame.writeUInt32BE(streamId, 0);
  frame[4] = flags;
  frame.writeUIntBE(payload.length, 5, 3);
  frame.set(payload, 8);
  return frame;
}

export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const entries = Object.entries(headers);
  parts.push(number(entries.length));
  for (const text of entries.flat()) parts.push(number(Buffer.byteLength(text)), Buffer.from(text));
  return Buffer.concat(parts);
}

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #parser = new SpdyFrameParser();
  readonly #streams = new Map<number, SpdyStreamHandlers>();
  readonly #deflate: Deflate;
  readonly #onClose: (error: Error | undefined) => void;
  #compressed: Buffer[] = [];
  #nextId = 1;
  #closed = false;

  /** `head`: bytes that came with the upgrade's answer. `onClose` is called once, when the connection is over. */
  constructor(socket: Duplex, head: Uint8Array, onClose: (error: Error | undefined) => void) {
    this.#socket = socket;
    this.#onClose = onClose;
    this.#deflate = createDeflate({ dictionary: spdyDictionary(), flush: constants.Z_SYNC_FLUSH });
    this.#deflate.on('data', (chunk: Buffer) => this.#compressed.push(chunk));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.once('error', (error: Error) => this.#end(error));
    socket.once('close', () => this.#end(undefined));
    if (head.length > 0) this.#receive(head);
  }

  /** One at a time: header compression has a state. */
  async open(headers: Readonly<Record<string, string>>, handlers: SpdyStreamHandlers): Promise<SpdyStream> {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, handlers);
    const block = await this.#compress(headerBlock(headers));
    const payload = Buffer.alloc(10 + block.length);
    payload.writeUInt32BE(id, 0);
    payload.set(block, 10);
    this.#send(controlFrame(frameType.synStream, 0, payload));
    return {
      id,
      write: (data) => {
        let flowing = true;
        for (let offset = 0; offset < data.length; offset += dataChunkBytes)
          flowing = this.#send(dataFrame(id, 0, data.subarray(offset, offset + dataChunkBytes)));
        return flowing;
      },
      end: () => void this.#send(dataFrame(id, flagFin, Buffer.alloc(0))),
    };
  }

  whenDrained(run: () => void): void {
    this.#socket.once('drain', run);
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  close(): void {
    this.#end(undefined);
  }

  #compress(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#deflate.once('error', reject);
      this.#deflate.write(bytes, () => {
        this.#deflate.off('error', reject);
        const result = Buffer.concat(this.#compressed);
        this.#compressed = [];
        resolve(result);
      });
    });
  }

  #send(frame: Buffer): boolean {
    return this.#closed ? true : this.#socket.write(frame);
  }

  #receive(bytes: Uint8Array): void {
    let frames: SpdyFrame[];
    try {
      frames = this.#parser.push(bytes);
    } catch (error) {
      this.#end(error as Error);
      return;
    }
    for (const frame of frames) {
      const handlers = this.#streams.get(frame.streamId);
      if (frame.type === 'data') {
        if (frame.payload.length > 0) handlers?.onData(frame.payload);
        if ((frame.flags & flagFin) !== 0) this.#streamEnd(frame.streamId, false);
        continue;
      }
      switch (frame.controlType) {
        case frameType.ping:
          // Even numbers are the server's own; ours would come back.
          if (frame.payload.readUInt32BE(0) % 2 === 0) this.#send(controlFrame(frameType.ping, 0, frame.payload));
          break;
        case frameType.reset:
          this.#streamEnd(frame.streamId, true);
          break;
        case frameType.synReply:
          if ((frame.flags & flagFin) !== 0) this.#streamEnd(frame.streamId, false);
          break;
        case frameType.goAway:
        default:
      }
    }
  }

  #streamEnd(id: number, reset: boolean): void {
    const handlers = this.#streams.get(id);
    this.#streams.delete(id);
    handlers?.onEnd(reset);
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.#deflate.close();
    for (const id of this.#streams.keys()) this.#streamEnd(id, true);
    this.#onClose(error);
  }
}
