// How many watch each resource: a write that many are told of takes more of the server.
import type { ApiResponse, WatchSink } from '#api/request.ts';
import type { RequestInfo } from '../request-info.ts';

export interface WatchCount {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly scope: 'cluster' | 'namespace' | 'resource';
  readonly count: number;
}

export interface WatchCounts {
  /** Of the resource, in whatever version and namespace. */
  of(info: RequestInfo): number;
  all(): Iterable<WatchCount>;
  /** The same answer; counted from its opening to its end. */
  counting(info: RequestInfo, response: ApiResponse): ApiResponse;
}

const keyOf = ({ group, resource }: RequestInfo): string => `${group}/${resource}`;
const scopeOf = ({ name, namespace }: RequestInfo): WatchCount['scope'] =>
  name !== '' ? 'resource' : namespace !== '' ? 'namespace' : 'cluster';

export function watchCounts(): WatchCounts {
  const counts = new Map<string, number>();
  const detailed = new Map<string, WatchCount>();
  const change = (info: RequestInfo, by: 1 | -1): void => {
    const key = keyOf(info);
    const count = (counts.get(key) ?? 0) + by;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
    const { group, version, resource } = info;
    const scope = scopeOf(info);
    const detail = `${key} ${version} ${scope}`;
    const left = (detailed.get(detail)?.count ?? 0) + by;
    if (left === 0) detailed.delete(detail);
    else detailed.set(detail, { group, version, resource, scope, count: left });
  };
  return {
    of: (info) => counts.get(keyOf(info)) ?? 0,
    all: () => detailed.values(),
    counting(info, response) {
      const { body } = response;
      if (body.type !== 'watch') return response;
      const open = (sink: WatchSink): Disposable => {
        change(info, 1);
        let isOpen = true;
        const end = (): void => {
          if (isOpen) change(info, -1);
          isOpen = false;
        };
        const opened = body.open({
          onEvent: (event) => sink.onEvent(event),
          room: () => sink.room?.(),
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
