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

export interface Conntrack {
  remove(filter: FlowFilter): Promise<void>;
}

export function createConntrack(command: readonly string[] = ['conntrack']): Conntrack {
  const [program = 'conntrack', ...prefix] = command;
  return {
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
