// The APIServices of the store as this server uses them: which group versions somebody else answers, and in which order groups
// are shown. Costs a map look-up while there are none of somebody else. Not here: calling them (proxy.ts), or whether they can be.
import type { APIService } from '#api/generated/types.ts';
import { APIServices } from '#api/generated/kind-references.ts';
import { apiVersionOf, storagePrefix } from '#api/kinds.ts';
import type { Store, StoredObject } from '#storage/store.ts';

export interface RemoteApiService {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly service: ServicePort;
  /** PEM; undefined: the system's authorities. */
  readonly authorities: string | undefined;
  /** Its certificate is not judged. */
  readonly insecure: boolean;
  /** What its condition says: requests are refused otherwise. */
  readonly available: boolean;
}
export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export interface ApiServices extends Disposable {
  readonly all: ReadonlyMap<string, APIService>;
  /** By apiVersion (`metrics.example.com/v1`); those that a Service answers. */
  readonly remotes: ReadonlyMap<string, RemoteApiService>;
  /** Called after each change with the name of what changed. */
  onChange(listener: (name: string) => void): Disposable;
}

/** This group is the server's own always: it is how others are found. */
const ownGroup = APIServices.group;
const defaultPort = 443;

export const isAvailable = ({ status }: APIService): boolean =>
  status?.conditions?.some((one) => one.type === 'Available' && one.status === 'True') === true;

export function remoteOf(object: APIService): RemoteApiService | undefined {
  const { group = '', version = '', service, caBundle, insecureSkipTLSVerify } = object.spec ?? {};
  if (service === undefined || service === null || group === ownGroup) return undefined;
  return {
    name: object.metadata.name ?? '',
    group,
    version,
    service: { namespace: service.namespace ?? '', name: service.name ?? '', port: service.port ?? defaultPort },
    authorities: caBundle === undefined || caBundle === '' ? undefined : Buffer.from(caBundle, 'base64').toString(),
    insecure: insecureSkipTLSVerify === true,
    available: isAvailable(object),
  };
}

export function createApiServices(store: Store): ApiServices {
  const prefix = storagePrefix(APIServices);
  const all = new Map<string, APIService>();
  const remotes = new Map<string, RemoteApiService>();
  const listeners = new Set<(name: string) => void>();
  let watch: Disposable | undefined;
  let isClosed = false;

  const take = (stored: StoredObject): void => {
    const object = stored.object() as APIService;
    const name = object.metadata.name ?? '';
    drop(name);
    all.set(name, object);
    const remote = remoteOf(object);
    if (remote !== undefined) remotes.set(apiVersionOf(remote), remote);
  };
  const drop = (name: string): void => {
    const { group = '', version = '' } = all.get(name)?.spec ?? {};
    const key = apiVersionOf({ group, version });
    all.delete(name);
    if (remotes.get(key)?.name === name) remotes.delete(key);
  };
  const tell = (name: string): void => {
    for (const listener of listeners) listener(name);
  };
  const start = (): void => {
    const before = [...all.keys()];
    all.clear();
    remotes.clear();
    const page = store.list(prefix);
    for (const stored of page.items) take(stored);
    watch = store.watch(prefix, page.revision, {
      onEvents(events) {
        for (const { type, stored } of events) {
          const name = stored.key.slice(prefix.length);
          if (type === 'put') take(stored);
          else drop(name);
          tell(name);
        }
      },
      onEnd(reason) {
        watch = undefined;
        if (reason === 'compacted' && !isClosed) start();
      },
    });
    for (const name of new Set([...before, ...all.keys()])) tell(name);
  };
  start();
  return {
    all,
    remotes,
    onChange(listener) {
      const own = (name: string): void => listener(name);
      listeners.add(own);
      return { [Symbol.dispose]: () => void listeners.delete(own) };
    },
    [Symbol.dispose]() {
      isClosed = true;
      watch?.[Symbol.dispose]();
    },
  };
}
