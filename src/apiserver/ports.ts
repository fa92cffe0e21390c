// What the API server needs of other parts; assembly joins them.
import type { Duplex } from 'node:stream';

/** The raw connection behind a 101 answer; for another one `head` is its body and `socket` has ended. */
export interface UpgradedConnection {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

/** Reaches the node agent's API (logs, exec, attach, port-forward, proxy) on a node, authenticated as the API server. */
export interface NodeConnector {
  /** A plain request, such as `/containerLogs/default/web/app?follow=true`. The stream ends with the answer. */
  request(
    nodeName: string,
    request: {
      method: string;
      pathAndQuery: string;
      headers?: Readonly<Record<string, string>> | undefined;
      body?: Uint8Array | undefined;
      signal: AbortSignal;
    },
  ): Promise<{ status: number; contentType: string; stream: AsyncIterable<Uint8Array> }>;
  /** Sends an upgrade request and gives the raw connection behind the 101 answer, with the headers of that answer. */
  upgrade(
    nodeName: string,
    request: { method: string; pathAndQuery: string; headers: Readonly<Record<string, string>>; signal: AbortSignal },
  ): Promise<UpgradedConnection>;
}

/** Reaches addresses of pods for pods/proxy and services/proxy. */
export interface PodConnector {
  /** Plain or TLS (the certificate is not judged, as upstream's proxy does not). The stream ends with the answer. */
  request(
    target: PodTarget,
    request: PodRequest & { readonly body: Uint8Array | undefined },
  ): Promise<{ status: number; headers: Readonly<Record<string, string>>; stream: AsyncIterable<Uint8Array> }>;
  /** With the headers of an upgrade (WebSocket). */
  upgrade(target: PodTarget, request: PodRequest): Promise<UpgradedConnection>;
}

export interface PodTarget {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}
export interface PodRequest {
  readonly method: string;
  readonly pathAndQuery: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Reaches servers of others: webhooks, aggregated API servers, reviewers of tokens. Whom, is `outgoing/`'s to say. */
export interface OutgoingConnector {
  /** Resolves with the head of the answer, whatever its status; rejects when there is none. Redirects are not followed. */
  request(
    target: OutgoingTarget,
    request: OutgoingRequest & { readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined },
  ): Promise<{ status: number; headers: Readonly<Record<string, string>>; stream: AsyncIterable<Uint8Array> }>;
  /** With the headers of an upgrade (WebSocket, SPDY). */
  upgrade(target: OutgoingTarget, request: OutgoingRequest): Promise<UpgradedConnection>;
}

export interface OutgoingRequest {
  readonly method: string;
  readonly pathAndQuery: string;
  /** A list becomes a header for each value. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly signal: AbortSignal;
}

export interface OutgoingTarget {
  /** Name or address to connect to. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Expected in the certificate, where that is not `host`. */
  readonly serverName?: string | undefined;
  /** PEM of whom to trust; absent: the system's authorities. */
  readonly authorities?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  /** PEM, of this client. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}
