// The installed cluster of a test machine, as a person with kubectl sees it.
import assert from 'node:assert/strict';
import { eventually, type CommandOptions, type CommandResult } from '#kit/machine/command.ts';
import type { Machine } from '#kit/machine/machine.ts';
import { Traffic } from '#kit/machine/traffic.ts';

export class Cluster {
  readonly machine: Machine;
  constructor(machine: Machine) {
    this.machine = machine;
  }
  kubectl(...argument: readonly string[]): Promise<string> {
    return this.machine.succeed(['kubectl', '--context', 'microshift', ...argument], { timeoutSeconds: 120 });
  }
  tryKubectl(argument: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.machine.run(['kubectl', '--context', 'microshift', ...argument], options);
  }
  async get<T>(...argument: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl('get', ...argument, '-o', 'json')) as T;
  }
  applyText(manifest: string, ...argument: readonly string[]): Promise<CommandResult> {
    return this.tryKubectl(['apply', '-f', '-', ...argument], { input: manifest });
  }
  async podsOf(namespace: string, selector: string): Promise<{ name: string; ip: string; containerIds: string[] }[]> {
    interface Pods {
      items: {
        metadata: { name: string; deletionTimestamp?: string };
        status: { podIP?: string; containerStatuses?: { containerID?: string }[] };
      }[];
    }
    const pods = await this.get<Pods>('pods', '-n', namespace, '-l', selector);
    return pods.items
      .filter((pod) => pod.metadata.deletionTimestamp === undefined)
      .map((pod) => ({
        name: pod.metadata.name,
        ip: pod.status.podIP ?? '',
        containerIds: (pod.status.containerStatuses ?? []).map((status) => status.containerID ?? ''),
      }));
  }
  /** The page over HTTPS, from another host of the LAN. */
  async page(host: string): Promise<string> {
    const result = await this.machine.runFromLan([
      'curl',
      '-sSk',
      '--max-time',
      '10',
      '--resolve',
      `${host}:443:${this.machine.address}`,
      `https://${host}/`,
    ]);
    assert.equal(result.code, 0, result.stderr);
    return result.stdout;
  }
  routeTraffic(host: string): Traffic {
    return new Traffic(
      this.machine.startFromLan([
        process.execPath,
        new URL('../../kit/traffic.mjs', import.meta.url).pathname,
        'https',
        this.machine.address,
        '443',
        host,
        '20',
      ]),
    );
  }
  serviceTraffic(clusterIp: string, port: number): Traffic {
    return new Traffic(
      this.machine.start([
        'node',
        '/root/microshift/test/kit/traffic.mjs',
        'http',
        clusterIp,
        String(port),
        'hello',
        '20',
      ]),
    );
  }
  dnsTraffic(name: string): Traffic {
    return new Traffic(
      this.machine.start(['node', '/root/microshift/test/kit/traffic.mjs', 'dns', '10.43.0.10', '53', name, '20']),
    );
  }
  /** Process id of MicroShift itself, in the machine. */
  async processId(): Promise<number | undefined> {
    const found = await this.machine.run(['pgrep', '-xo', 'microshift']);
    return found.code === 0 ? Number(found.stdout.trim()) : undefined;
  }
  waitReady(timeoutSeconds = 60): Promise<string> {
    return this.machine.succeed(['microshift', 'wait', '--timeout', String(timeoutSeconds)], {
      timeoutSeconds: timeoutSeconds + 10,
    });
  }
  eventually<T>(what: string, timeoutSeconds: number, probe: () => Promise<T | undefined>): Promise<T> {
    return eventually(what, timeoutSeconds, probe);
  }
}
