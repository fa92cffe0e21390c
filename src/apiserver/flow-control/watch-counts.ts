// How many watch each resource: a write that many are told of takes more of the server.
import type { ApiResponse, WatchSink } from '#api/request.ts';
import type { RequestInfo } from '../request-info.ts';

export interface WatchCounts {
  of(info: RequestInfo): number;
  /** The same answer; counted from its opening to its end. */
  counting(info: RequestInfo, response: ApiResponse): ApiResponse;
}

const keyOf = ({ group, resource }: RequestInfo): string => `${group}/${resource}`;

export function watchCounts(): WatchCounts {
  const counts = new Map<string, number>();
  return {
    of: (info) => counts.get(keyOf(info)) ?? 0,
    counting(info, response) {
      const { body } = response;
      if (body.type !== 'watch') return response;
      const key = keyOf(info);
      const open = (sink: WatchSink): Disposable => {
        counts.set(key, (counts.get(key) ?? 0) + 1);
        let isOpen = true;
        const end = (): void => {
          if (!isOpen) return;
          isOpen = false;
          const left = counts.get(key)! - 1;
          if (left === 0) counts.delete(key);
          else counts.set(key, left);
        };
        const opened = body.open({
          onEvent: (event) => sink.onEvent(event),
          onEnd() {
            end();
            sink.onEnd();
          },
        });
        return {
          [Symbol.dispose]() {
            end();
            opened[Symbol.dispose]();
          },
        };
      };
      return { ...response, body: { ...body, open } };
    },
  };
}
