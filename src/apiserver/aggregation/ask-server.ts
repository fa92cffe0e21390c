// Short questions of this server's own to the servers behind APIServices (availability, discovery, OpenAPI), with a limit on time
// and size. Requests of clients are passed on in proxy.ts.
import { ApiError, serviceUnavailableError } from '#api/status.ts';
import type { Identity } from '#api/request.ts';
import type { AggregationParts } from './parts.ts';
import { connectionError } from '../outgoing/connection-errors.ts';
import { serviceAddress } from '../outgoing/service-address.ts';
import type { OutgoingTarget } from '../ports.ts';
import type { RemoteApiService } from './api-services.ts';
import { identityHeaders } from './front-proxy-headers.ts';

export interface Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}
export interface Question {
  /** With its query; encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

export const groupVersionPath = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

/** Who asks where no client does; as upstream. */
const aggregator: Identity = { name: 'system:kube-aggregator', groups: ['system:masters'] };

/** One of the places of its Service, any. Throws as upstream's resolver. */
export function targetOf({ options }: Pick<AggregationParts, 'options'>, remote: RemoteApiService): OutgoingTarget {
  const pair = options.frontProxy?.();
  return {
    ...serviceAddress(options.store, options.random, remote.service),
    secure: true,
    serverName: `${remote.service.name}.${remote.service.namespace}.svc`,
    ...(remote.authorities === undefined ? {} : { authorities: remote.authorities }),
    insecureSkipVerify: remote.insecure,
    ...(pair === undefined ? {} : { certificate: pair.certificatePem, key: pair.keyPem }),
  };
}

/** Rejects when there is no answer in time, or it is too large. */
export async function askServer(
  server: Pick<AggregationParts, 'options'>,
  target: OutgoingTarget,
  { path, headers = {}, timeoutMs, bytesMax }: Question,
): Promise<Asked> {
  const { outgoing, clock } = server.options;
  if (outgoing === undefined) throw serviceUnavailableError('this API server has no connection to other servers');
  const stop = new AbortController();
  const timer = clock.schedule(timeoutMs, () => stop.abort(new Error('context deadline exceeded')));
  try {
    const answer = await outgoing.request(target, {
      method: 'GET',
      pathAndQuery: path,
      headers: { ...headers, ...identityHeaders(aggregator) },
      signal: stop.signal,
    });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.stream) {
      size += chunk.length;
      if (size > bytesMax) throw new ApiError(500, 'InternalError', `the answer is longer than ${bytesMax} bytes`);
      chunks.push(chunk);
    }
    return { status: answer.status, headers: answer.headers, bytes: Buffer.concat(chunks) };
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    throw error instanceof ApiError ? error : new Error(connectionError(error, target), { cause: error });
  } finally {
    timer.cancel();
  }
}
