// What the API server needs of other parts; assembly joins them.
import type { Duplex } from 'node:stream';

/** Reaches the node agent's API (logs, exec, attach, port-forward, proxy) on a node, authenticated as the API server. */
export interface NodeConnector {
  /** A plain request, such as `/containerLogs/default/web/app?follow=true`. The stream ends with the answer. */
  request(
    nodeName: string,
    request: { method: string; pathAndQuery: string; signal: AbortSignal },
  ): Promise<{ status: number; contentType: string; stream: AsyncIterable<Uint8Array> }>;
  /** Sends an upgrade request and gives the raw connection behind the 101 answer, with the headers of that answer. */
  upgrade(
    nodeName: string,
    request: { method: string; pathAndQuery: string; headers: Readonly<Record<string, string>>; signal: AbortSignal },
  ): Promise<{ status: number; headers: Readonly<Record<string, string>>; socket: Duplex; head: Uint8Array }>;
}

/** Reaches addresses of pods for pods/proxy and services/proxy. */
export interface PodConnector {
  /** Plain or TLS (the certificate is not judged, as upstream's proxy does not). The stream ends with the answer. */
  request(
    target: { readonly host: string; readonly port: number; readonly secure: boolean },
    request: {
      readonly method: string;
      readonly pathAndQuery: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Uint8Array | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<{ status: number; headers: Readonly<Record<string, string>>; stream: AsyncIterable<Uint8Array> }>;
}
