// What HAProxy's files are made from beside the Routes.
import type { RouterPolicy } from './policy.ts';

export interface WorkerUser {
  readonly userId: number;
  readonly groupId: number;
}

export interface RouterSettings {
  /** Addresses to listen on; `*`: all of IPv4; `::`: all of IPv6. */
  readonly listenAddresses: readonly string[];
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Certificate chain and key in PEM, for hosts without a certificate of their own. */
  readonly defaultCertificatePem: string;
  /** The authority of service serving certificates, for re-encrypting Routes that name none. */
  readonly serviceCaPem?: string | undefined;
  /** Authorities of clients' certificates, when clients are asked for one. */
  readonly clientCaPem?: string | undefined;
  /** Whole answers with their headers; undefined: the router's own. */
  readonly errorPages?: { readonly 503?: string | undefined; readonly 404?: string | undefined } | undefined;
  /** Where the files and sockets are; emptied by a reboot. */
  readonly runDirectory: string;
  /** The worker gives up root for it; undefined: it stays who it is. */
  readonly user?: WorkerUser | undefined;
  readonly policy: RouterPolicy;
}

export interface RouterFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

export interface RouterFiles {
  readonly digest: string;
  readonly files: readonly RouterFile[];
}

export const configPath = (runDirectory: string): string => `${runDirectory}/haproxy.cfg`;
export const adminSocketPath = (runDirectory: string): string => `${runDirectory}/admin.sock`;
/** In the environment of the worker: says which configuration it runs. */
export const digestVariable = 'MICROSHIFT_ROUTER_CONFIG';
