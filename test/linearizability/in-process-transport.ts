// An API server in this process, without a socket: the one that runs now.
import type { TestApiServer } from '#kit/start-api-server.ts';
import type { OpenWatch, Transport } from './transport.ts';

export function inProcessTransport(current: () => TestApiServer): Transport {
  return {
    async ask({ method, path, body, contentType }) {
      const { status, json } = await current().send(method, path, { body, contentType });
      return { status, json };
    },
    watch(path, onEvent): OpenWatch {
      const stop = new AbortController();
      const ended = (async () => {
        const { status, body } = await current().handle('GET', path, { signal: stop.signal });
        if (body.type !== 'watch') return status;
        return new Promise<number>((resolve) => {
          const opened = body.open({
            onEvent: (event) => onEvent(JSON.parse(Buffer.from(event.bytes()).toString())),
            onEnd: () => resolve(200),
          });
          stop.signal.addEventListener('abort', () => {
            opened[Symbol.dispose]();
            resolve(200);
          });
        });
      })();
      return { ended, close: () => stop.abort() };
    },
    close() {},
  };
}
