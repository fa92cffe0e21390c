// The configuration as the rest of the program sees it: parsed, checked, frozen. Each service gets its slice.

export type Role = 'controlplane' | 'node';

export interface Configuration {
  readonly dataDirectory: string;
  /** Empty: no audit log file. */
  readonly auditLogDirectory: string;
  readonly logVerbosity: number;
  readonly logFormat: 'text' | 'json';
  readonly roles: readonly Role[];
  readonly nodeName: string;
  readonly nodeIp: string;
  /** Nobody configured it: it is followed when it changes. */
  readonly nodeIpDetected: boolean;
  readonly cluster: ClusterConfiguration;
  readonly dns: { readonly baseDomain: string };
  readonly ingress: IngressConfiguration;
  readonly node: NodeConfiguration;
}

export interface ClusterConfiguration {
  /** `https://HOST:PORT`, in every kubeconfig; its port is where the API server listens. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly podRange: string;
  readonly serviceRange: string;
  readonly dnsAddress: string;
  readonly domain: string;
  readonly nodePorts: { readonly first: number; readonly last: number };
}

export interface IngressConfiguration {
  readonly status: 'Managed' | 'Removed';
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Empty: all addresses. */
  readonly listenAddresses: readonly string[];
}

export interface NodeConfiguration {
  /** `unix:///run/...`; empty: CRI-O or containerd of the host, else a private containerd. */
  readonly runtimeEndpoint: string;
  readonly cniConfigDirectory: string;
  readonly cniPluginDirectories: readonly string[];
  readonly kubeletDirectory: string;
  readonly podLogDirectory: string;
  readonly volumeDirectory: string;
  readonly imageDirectory: string;
  readonly pauseImage: string;
  readonly pinnedImages: readonly string[];
  readonly kubeletPort: number;
}
