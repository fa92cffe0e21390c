// What `microshift status` shows, as one plain object: made in the running process, printed by another.
import path from 'node:path';
import type { KeyFacts } from '#storage/sealing/sealing-key.ts';
import type { BackupState } from './backup/scheduled.ts';
import type { Configuration } from './config/configuration.ts';
import type { ConfigurationState } from './config/reload.ts';
import type { ServiceStatus } from './runner.ts';
import { productVersion } from './version.ts';

export interface StatusReport {
  readonly version: string;
  readonly kubernetesVersion: string;
  readonly processId: number;
  readonly startedAtMs: number;
  readonly uptimeMs: number;
  readonly ready: boolean;
  readonly roles: readonly string[];
  readonly nodeName: string;
  readonly dataDirectory: string;
  /** Which one, and how to change it; absent without the role node, and until it is found. */
  readonly containerRuntime?: string | undefined;
  /** Absent: none are made by schedule. */
  readonly backups?: BackupState | undefined;
  /** The newest first; no secrets. Absent: nothing is encrypted by this process, or not yet. */
  readonly encryptionKeys?: readonly KeyFacts[] | undefined;
  readonly apiUrl: string;
  readonly kubeconfig: string;
  readonly residentBytes: number;
  readonly services: readonly ServiceStatus[];
  readonly configuration: ConfigurationState;
}

export const controlSocketPath = (dataDirectory: string): string => path.join(dataDirectory, 'microshift.sock');
export const adminKubeconfigPath = (dataDirectory: string): string =>
  path.join(dataDirectory, 'resources/kubeadmin/kubeconfig');

export const statusReport = (
  configuration: Configuration,
  controlPlaneUrl: string | undefined,
  containerRuntime: string | undefined,
  backups: BackupState | undefined,
  encryptionKeys: readonly KeyFacts[] | undefined,
  services: readonly ServiceStatus[],
  state: ConfigurationState,
  startedAtMs: number,
  now: number,
): StatusReport => ({
  version: productVersion.version,
  kubernetesVersion: productVersion.kubernetes,
  processId: process.pid,
  startedAtMs,
  uptimeMs: now - startedAtMs,
  ready: services.every((one) => one.state === 'ready'),
  roles: configuration.roles,
  nodeName: configuration.nodeName,
  dataDirectory: configuration.dataDirectory,
  containerRuntime,
  backups,
  encryptionKeys,
  apiUrl: controlPlaneUrl ?? configuration.cluster.url,
  kubeconfig: configuration.roles.includes('controlplane')
    ? adminKubeconfigPath(configuration.dataDirectory)
    : configuration.node.kubeconfig,
  residentBytes: process.memoryUsage.rss(),
  services,
  configuration: state,
});
