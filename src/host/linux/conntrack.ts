// Removes entries of the kernel's connection tracking through the conntrack tool: datagram flows that lead to a gone endpoint
// would go on leading there for as long as the client sends.
import { execFile } from 'node:child_process';

export interface FlowFilter {
  readonly family: 'ipv4' | 'ipv6';
  readonly protocol: 'udp' | 'sctp';
  /** What the client addressed; undefined: any address. */
  readonly address: string | undefined;
  readonly port: string;
  /** Where the flow leads. */
  readonly endpoint: string;
}

export interface TrackedFlow {
  readonly address: string;
  readonly port: string;
  readonly endpoint: string;
}

export interface Conntrack {
  list(protocol: 'udp'): Promise<readonly TrackedFlow[]>;
  remove(filter: FlowFilter): Promise<void>;
}

export function createConntrack(command: readonly string[] = ['conntrack']): Conntrack {
  const [program = 'conntrack', ...prefix] = command;
  return {
    async list(protocol) {
      const flows: TrackedFlow[] = [];
      for (const family of ['ipv4', 'ipv6'])
        flows.push(
          ...(await new Promise<readonly TrackedFlow[]>((resolve, reject) => {
            const args = [...prefix, '-L', '-f', family, '-p', protocol];
            execFile(program, args, { timeout: 10_000, maxBuffer: 64 * 1024 * 1024 }, (error, out, said) => {
              if (error === null) resolve(parseFlows(out));
              else reject(new Error(`conntrack: ${said.trim() || error.message}`));
            });
          })),
        );
      return flows;
    },
    remove: ({ family, protocol, address, port, endpoint }) =>
      new Promise((resolve, reject) => {
        const args = [...prefix, '-D', '-f', family, '-p', protocol, '--orig-port-dst', port, '--reply-src', endpoint];
        if (address !== undefined) args.push('--orig-dst', address);
        execFile(program, args, { timeout: 10_000 }, (error, _out, said) => {
          // It ends with 1 when it found nothing to remove.
          if (error === null || said.includes('0 flow entries')) resolve();
          else reject(new Error(`conntrack: ${said.trim() || error.message}`));
        });
      }),
  };
}

/** Lines such as `udp 17 29 src=A dst=SERVICE sport=1 dport=53 src=ENDPOINT dst=A sport=5353 dport=1 ...`. */
export const parseFlows = (text: string): readonly TrackedFlow[] =>
  text.split('\n').flatMap((line) => {
    const [, address] = / dst=(\S+)/.exec(line) ?? [];
    const [, port] = / dport=(\d+)/.exec(line) ?? [];
    const endpoint = [...line.matchAll(/ src=(\S+)/g)][1]?.[1];
    return address === undefined || port === undefined || endpoint === undefined ? [] : [{ address, port, endpoint }];
  });
