// The /etc/hosts that the agent keeps for a Pod's containers. Pure.
import type { Pod } from '#api/generated/types.ts';
import { podHostname } from './runtime-config.ts';

/** The managed /etc/hosts. */
export function hostsFile(pod: Pod, podIps: readonly string[], hostFile: string | undefined, domain: string): string {
  const lines: string[] = [];
  const name = podHostname(pod);
  if (pod.spec.hostNetwork === true)
    lines.push(
      '# Kubernetes-managed hosts file (host network).',
      (hostFile ?? '127.0.0.1\tlocalhost\n').replace(/\n$/, ''),
    );
  else {
    lines.push(
      '# Kubernetes-managed hosts file.',
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      'fe00::0\tip6-localnet',
      'fe00::0\tip6-mcastprefix',
      'fe00::1\tip6-allnodes',
      'fe00::2\tip6-allrouters',
      ...podIps.map((ip) => (domain === '' ? `${ip}\t${name}` : `${ip}\t${name}.${domain}\t${name}`)),
    );
  }
  const aliases = pod.spec.hostAliases ?? [];
  if (aliases.length > 0) {
    lines.push('', '# Entries added by HostAliases.');
    for (const alias of aliases) lines.push(`${alias.ip}\t${(alias.hostnames ?? []).join('\t')}`);
  }
  return `${lines.join('\n')}\n`;
}
