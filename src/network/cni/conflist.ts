// The network configuration that the container runtime gives to the CNI reference plugins. Pure. No portmap (host ports are in
// our nftables table), no masquerade by the plugin (the table does it), loopback is the runtime's own business.

export interface ConflistOptions {
  readonly bridge: string;
  /** This node's part of the Pod ranges, one a family. */
  readonly podCidrs: readonly string[];
  /** host-local keeps its leases here: a place that a reboot empties, as it empties the Pods. */
  readonly leaseDirectory: string;
  readonly mtu?: number | undefined;
}

export const networkName = 'microshift';
export const conflistFile = '00-microshift.conflist';

export function renderConflist(options: ConflistOptions): string {
  const value = {
    cniVersion: '1.0.0',
    name: networkName,
    plugins: [
      {
        type: 'bridge',
        bridge: options.bridge,
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
        ipam: {
          type: 'host-local',
          dataDir: options.leaseDirectory,
          ranges: options.podCidrs.map((subnet) => [{ subnet }]),
          routes: options.podCidrs.map((cidr) => ({ dst: cidr.includes(':') ? '::/0' : '0.0.0.0/0' })),
        },
      },
    ],
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
