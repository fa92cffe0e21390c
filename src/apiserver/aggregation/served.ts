// What this server and those behind its APIServices serve together, as others of this server see it. Interfaces only.
import type { GroupRow } from '#api/kinds.ts';
import type { KindRow } from '#api/kind.ts';
import type { RemoteApiService } from './api-services.ts';

/** One group version of another server in the shape of apidiscovery.k8s.io/v2. */
export interface RemoteVersion {
  readonly resources: readonly object[];
  /** Stale: it could not be asked. */
  readonly freshness: 'Current' | 'Stale';
}

/** The same object as long as nothing changes. */
export interface Served {
  readonly rows: readonly KindRow[];
  /** All of them, in the order of discovery, the core group (named '') wherever its priority puts it. */
  readonly groups: readonly GroupRow[];
  /** By apiVersion: answered by somebody else, whatever the rows say. */
  readonly remotes: ReadonlyMap<string, RemoteVersion>;
}

export interface Aggregation extends Disposable {
  served(): Served;
  /** The server that answers this path (`/apis/GROUP/VERSION` and below); undefined: this one. */
  remoteOfPath(path: string): RemoteApiService | undefined;
}
