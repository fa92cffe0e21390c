// Answers that come as a stream of bytes although the server is in this process: it passed the request on to another one.
import type { ApiResponse, WatchEvent } from '#api/request.ts';
import { internalError } from '#api/status.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { responseBytesMax, watchLineBytesMax } from '#base/limits.ts';

type StreamBody = Extract<ApiResponse['body'], { type: 'stream' }>;

/** JSON as what it says, other answers as text. */
export async function readStreamed({ stream, contentType }: StreamBody): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > responseBytesMax) throw internalError(`the answer is longer than ${responseBytesMax} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return contentType.startsWith('application/json') ? (JSON.parse(text) as unknown) : text;
}

/** Ends when the stream does; rejects when it breaks, or a line is no event. */
export async function readStreamedWatch(
  { stream }: StreamBody,
  onEvent: (type: WatchEvent['type'], object: KubernetesObject) => void,
): Promise<void> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of stream) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const line = Buffer.from(bytes.subarray(from, end)).toString('utf8');
      from = end + 1;
      if (line.trim() === '') continue;
      const { type, object } = JSON.parse(line) as { type: WatchEvent['type']; object: KubernetesObject };
      onEvent(type, object);
    }
    rest = bytes.subarray(from);
    if (rest.length > watchLineBytesMax) throw internalError(`an event is longer than ${watchLineBytesMax} bytes`);
  }
}
