// The configuration as the rest of the program sees it: parsed, checked, frozen. Each service gets its slice.
import type { EvictionSettings } from '#node/eviction/manager.ts';
import type { Verification } from '#node/images/verification.ts';
import type { ApiServerConfiguration } from './check-api-server.ts';
import type { IngressConfiguration } from './check-ingress.ts';

export type { ApiServerConfiguration, AuditLogConfiguration, NamedCertificate } from './check-api-server.ts';
export type { IngressConfiguration } from './check-ingress.ts';

export type Role = 'controlplane' | 'node';

export interface Configuration {
  readonly dataDirectory: string;
  readonly logVerbosity: number;
  readonly logFormat: 'text' | 'json';
  readonly roles: readonly Role[];
  readonly nodeName: string;
  readonly nodeIp: string;
  /** Nobody configured it: it is followed when it changes. */
  readonly nodeIpDetected: boolean;
  /** Undefined: found, where the cluster has IPv6 ranges. */
  readonly nodeIpv6: string | undefined;
  readonly cluster: ClusterConfiguration;
  readonly apiServer: ApiServerConfiguration;
  readonly dns: DnsConfiguration;
  readonly ingress: IngressConfiguration;
  readonly manifests: { readonly kustomizePaths: readonly string[] };
  readonly storage: { readonly driver: 'hostpath' | 'none' };
  readonly datastore: DatastoreConfiguration;
  readonly backup: BackupConfiguration;
  readonly node: NodeConfiguration;
  readonly kubelet: KubeletConfiguration;
}

export interface ClusterConfiguration {
  /** `https://HOST:PORT`, in every kubeconfig; its port is where the API server listens. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** One of IPv4 first, and one of IPv6 where the cluster has both families; so has serviceRanges. */
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  readonly dnsAddress: string;
  readonly domain: string;
  readonly nodePorts: { readonly first: number; readonly last: number };
}

export interface DatastoreConfiguration {
  /** Absent: an SQLite file in the data directory. */
  readonly etcd?: EtcdConfiguration | undefined;
  /** Of the objects. */
  readonly quotaBytes: number;
  /** Free space that is left on the disk. */
  readonly diskReserveBytes: number;
  /** Of the data file, found at a start. */
  readonly onDamage: 'restore' | 'stop';
}

export interface BackupConfiguration {
  /** Empty: no backups by schedule. */
  readonly folder: string;
  /** As of a CronJob, in the time zone of the machine. */
  readonly schedule: string;
  /** So many stay; at least one. */
  readonly retention: number;
}

export interface EtcdConfiguration {
  /** `host:port` or `unix:/path`, at least one. */
  readonly members: readonly string[];
  /** Paths of PEM files; absent: plain text. */
  readonly tls?:
    | { readonly authorityFile: string; readonly certificateFile: string; readonly keyFile: string }
    | undefined;
}

export interface DnsConfiguration {
  readonly baseDomain: string;
  /** The file whose names the cluster DNS answers; empty: none. */
  readonly hostsFile: string;
}

export interface NodeConfiguration {
  /** Of the control plane that this node joins; empty: its own process. */
  readonly kubeconfig: string;
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
  /** Empty: no plugins. */
  readonly credentialProviderConfig: string;
  readonly credentialProviderDirectory: string;
  readonly imagePullsMax: number;
  readonly imagePullDeadlineSeconds: number;
  readonly kubeletPort: number;
}

export interface KubeletConfiguration {
  readonly podsMax: number;
  /** Undefined: no limit. */
  readonly podProcessesMax: number | undefined;
  /** 0: never. */
  readonly streamIdleMs: number;
  /** How long a shutdown of the machine waits, and at its end for critical Pods; undefined: it does not. */
  readonly shutdown: { readonly totalSeconds: number; readonly criticalSeconds: number } | undefined;
  readonly logBytesMax: number;
  readonly logFilesMax: number;
  /** Of the disk. */
  readonly imageHighFraction: number;
  readonly imageLowFraction: number;
  readonly imageVerification: Verification;
  readonly imageYoungMs: number;
  /** 0: images do not go for their age. */
  readonly imageUnusedMs: number;
  /** When Pods go because the node runs short. */
  readonly eviction: EvictionSettings;
  /** What Pods do not get, in cores and bytes. */
  readonly reserved: { readonly cpu: number; readonly memory: number };
}
