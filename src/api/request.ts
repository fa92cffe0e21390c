// The one shape of a request and its answer, for in-process callers and for HTTPS alike. The API server is a function
// from one to the other; tests start here, without a socket.
import type { Duplex } from 'node:stream';
import type { KubernetesObject } from './kind.ts';
import type { ApiError } from './status.ts';

export interface Identity {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

export interface ApiRequest {
  /** GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS. */
  readonly method: string;
  /** Percent-decoded once, by who made the request; nothing decodes it again: `/api/v1/namespaces/default/pods/web`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Names and values in turn as they were sent, for headers that may come several times; absent: `headers` is all. */
  readonly rawHeaders?: readonly string[] | undefined;
  /** Set by in-process callers only: authentication is skipped, authorization is not. */
  readonly identity?: Identity | undefined;
  /** Of the TLS client certificate, if its chain was verified against the client authorities. */
  readonly certificate?:
    | {
        readonly commonName: string;
        readonly organizations: readonly string[];
        readonly uid?: string | undefined;
        /** SHA-256 in lower-case hexadecimal digits. */
        readonly fingerprint?: string | undefined;
      }
    | undefined;
  /** Of a client certificate that was verified against the front proxies' authorities: its common name. */
  readonly frontProxyName?: string | undefined;
  readonly remoteAddress: string;
  /** The server reads and writes CBOR: its gate is on. */
  readonly takesCbor?: boolean | undefined;
  /** Bytes from the network, or an object from an in-process caller (the chain copies before it changes anything). */
  readonly body: RequestBody;
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
  /** Aborts `signal`: the request was answered before its work was done, and nobody waits for that. Absent for in-process callers. */
  abandon?(): void;
  /** Takes over the connection (exec, attach, port-forward); absent for in-process callers. */
  readonly upgrade?: { readonly socket: Duplex; readonly head: Uint8Array } | undefined;
}

export type RequestBody =
  | { readonly type: 'none' }
  | { readonly type: 'object'; readonly object: unknown }
  | {
      readonly type: 'bytes';
      read(limitBytes: number): Promise<Uint8Array>;
      /** As it comes, unlimited: for whoever passes it on. Instead of `read`. */
      stream?(): AsyncIterable<Uint8Array>;
    };

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  /** The shared frozen object (or a Status for ERROR). */
  object(): KubernetesObject;
  /** One line of JSON with its newline, a frame of protobuf, or an item of CBOR; encoded once for all watchers. */
  bytes(): Uint8Array;
}

export interface WatchSink {
  /** False: the reader lags; the watch goes on and buffers up to its limit, then ends. */
  onEvent(event: WatchEvent): void;
  onEnd(): void;
  /** Resolves when the reader has taken what it was sent; undefined: it has. For a state that is long: changes do not wait for anybody. */
  room?(): Promise<void> | undefined;
}

/** A long body part by part, each made when its reader has room for it: others have the event loop in between. */
export interface Pieces {
  /** In bytes, of all parts; undefined: nobody knows before the last one. */
  readonly length: number | undefined;
  /** `room`: where parts may be made, instead of in new memory. Its giver knows when a part is read. */
  parts(room?: PartRoom): Iterable<Uint8Array>;
}

export interface PartRoom {
  /** At least so many bytes, with anything in them. */
  take(length: number): Uint8Array;
}

export type ResponseBody =
  | { readonly type: 'none' }
  | { readonly type: 'bytes'; readonly contentType: string; readonly parts: readonly Uint8Array[] }
  /** One object: shared and frozen, with its bytes. */
  | {
      readonly type: 'object';
      readonly object: unknown;
      bytes(): readonly Uint8Array[];
      /** The same bytes, where they may be long. */
      pieces?(): Pieces;
    }
  | {
      readonly type: 'list';
      /** Of the list: `PodList`. */
      readonly kind: string;
      readonly apiVersion: string;
      readonly metadata: ListMetadata;
      objects(): readonly KubernetesObject[];
      /** The same one by one, where not all of them are to be decoded at once. */
      each?(): Iterable<KubernetesObject>;
      bytes(): readonly Uint8Array[];
      /** The same bytes. */
      pieces?(): Pieces;
    }
  /** `open` starts the watch; the result ends it. */
  | {
      readonly type: 'watch';
      readonly contentType: string;
      open(sink: WatchSink): Disposable;
      /** The event that tells of a failure, in the encoding of this watch. */
      failure(error: ApiError): WatchEvent;
    }
  | { readonly type: 'stream'; readonly contentType: string; readonly stream: AsyncIterable<Uint8Array> }
  /** The connection was taken over; nothing more is written by the caller. */
  | { readonly type: 'upgraded' };

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Warning header texts. */
  readonly warnings: readonly string[];
  readonly body: ResponseBody;
  /** Told of the bytes that go out: of the body, or of each event of a watch. */
  readonly sizes?: { observe(bytes: number): void } | undefined;
}

/** The API server as its callers see it. Never rejects: failures are responses with a Status. */
export interface RequestHandler {
  handle(request: ApiRequest): Promise<ApiResponse>;
}
