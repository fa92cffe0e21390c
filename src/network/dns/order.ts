// THE order in which a DNS question is asked. Each step answers, or asks the next one. Insert a step at its place; nothing else
// orders them. `hosts` knows a file's names, `kubernetes` the cluster's; `cache` remembers what `forward` got from the host's resolvers.
import type { DnsQuestion, DnsResponse } from '#wire/dns-message.ts';
import { cacheStep, type CacheOptions } from './cache.ts';
import { forwardStep, type ForwardOptions } from './forward.ts';
import { hostsStep, type HostsTable } from './hosts.ts';
import { kubernetesStep, type KubernetesOptions } from './kubernetes.ts';

export type Resolve = (question: DnsQuestion) => Promise<DnsResponse>;
export type Step = (next: Resolve) => Resolve;

export interface ChainOptions {
  readonly hosts: () => HostsTable | undefined;
  readonly kubernetes: KubernetesOptions;
  readonly cache: CacheOptions;
  readonly forward: ForwardOptions;
}

export function dnsChain(options: ChainOptions): Resolve {
  const forward = forwardStep(options.forward);
  const cache = cacheStep(options.cache)(forward);
  const kubernetes = kubernetesStep(options.kubernetes)(cache);
  return hostsStep(options.hosts)(kubernetes);
}
