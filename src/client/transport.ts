// What the two clients differ in: how a request gets to the API server. Everything above is shared.

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType?: string | undefined;
  /** An object that nobody changes afterwards. */
  readonly body?: unknown;
}

export interface TransportAnswer {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  /** Decoded; a list as `{ metadata, items }`, a failure as its Status. */
  readonly object: unknown;
}

export interface TransportWatchHandlers {
  onEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: unknown): void;
  /** Once, unless the watch was disposed of before. */
  onEnd(error: unknown): void;
}

export interface Transport {
  /** Connections may break unnoticed: watches need deadlines. */
  readonly remote: boolean;
  /** Rejects with ApiError when there is no answer. */
  send(request: TransportRequest): Promise<TransportAnswer>;
  watch(request: TransportRequest, handlers: TransportWatchHandlers): Disposable;
  close(): Promise<void>;
}
