// DNS step: asks the resolvers of this host's resolv.conf, one after the other. None there, or none answers: a failure, soon.
import type { DnsTransport } from '#host/dns-sockets.ts';
import {
  decodeResponse,
  emptyResponse,
  encodeQuestion,
  responseCode,
  type DnsQuestion,
  type DnsResponse,
} from '#wire/dns-message.ts';

export interface ForwardOptions {
  readonly transport: DnsTransport;
  /** Never asked: this server itself. */
  readonly ownAddresses: readonly string[];
  readonly randomId: () => number;
}

const inFlightMax = 500;
const resolversMax = 3;
const timeoutMs = 2_000;

export function forwardStep({ transport, ownAddresses, randomId }: ForwardOptions) {
  let inFlight = 0;
  const ask = async (resolver: string, question: DnsQuestion): Promise<DnsResponse | undefined> => {
    const id = randomId();
    const bytes = encodeQuestion(id, question);
    for (const protocol of ['udp', 'tcp'] as const) {
      const answered = await transport.ask(resolver, bytes, protocol, timeoutMs, (reply) => {
        const decoded = decodeResponse(reply, id, question);
        return decoded !== undefined && { value: decoded };
      });
      if (answered === undefined) return undefined;
      if (!answered.truncated || protocol === 'tcp') return answered.response;
    }
    return undefined;
  };
  return async (question: DnsQuestion): Promise<DnsResponse> => {
    const resolvers = transport.resolvers().filter((one) => !ownAddresses.includes(one));
    if (resolvers.length === 0 || inFlight >= inFlightMax) return emptyResponse(responseCode.serverFailure);
    inFlight++;
    try {
      for (const resolver of resolvers.slice(0, resolversMax)) {
        const response = await ask(resolver, question);
        if (
          response !== undefined &&
          response.code !== responseCode.serverFailure &&
          response.code !== responseCode.refused
        )
          return response;
      }
      return emptyResponse(responseCode.serverFailure);
    } finally {
      inFlight--;
    }
  };
}
