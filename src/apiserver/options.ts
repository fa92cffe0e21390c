// What the API server is made from. Assembly fills it from the configuration; tests from the test kit.
import type { KeyObject } from 'node:crypto';
import type { FeatureGates } from '#api/feature-gates.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';
import type { Random } from '#base/random.ts';
import type { RuntimeConfig } from '#rules/runtime-config.ts';
import type { Store } from '#storage/store.ts';
import type { PodSecurityOptions } from './admission/pod-security/policy.ts';
import type { AccessInUse } from './access/access-in-use.ts';
import type { AuditEvent } from './audit/event.ts';
import type { AuditProfile } from './audit/policy.ts';
import type { NodeConnector, OutgoingConnector, PodConnector } from './ports.ts';

export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly emulationMajor?: string | undefined;
  readonly emulationMinor?: string | undefined;
  readonly minCompatibilityMajor?: string | undefined;
  readonly minCompatibilityMinor?: string | undefined;
  /** Such as `v1.36.2+microshift`. */
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

/** Signs a service account token (compact JWS) with the cluster's key. */
export interface TokenSigner {
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
}

export interface ServiceAccountTokenOptions {
  readonly issuer: string;
  /** First: the audience of tokens whose request names none. Tokens for any of them authenticate here. */
  readonly audiences: readonly string[];
  /** Keys that tokens may be signed with, by key id; read at each token so that rotation needs no restart. */
  publicKeys(): readonly { readonly id: string; readonly key: KeyObject }[];
  /** Absent: TokenRequest answers 404. */
  readonly signer?: TokenSigner | undefined;
}

export interface ReadinessCheck {
  readonly name: string;
  /** Undefined: well. Text: what is wrong. */
  check(): string | undefined;
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz';
export type HealthChecks = Readonly<Record<HealthEndpoint, readonly ReadinessCheck[]>>;

export interface AuditSink {
  /** Asked at each request: it may change. None: nothing is recorded. */
  profile(): AuditProfile;
  write(event: AuditEvent): void;
}

export interface ApiServerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly version: VersionInfo;
  /** Versions that are served besides those that are by default. */
  readonly runtimeConfig?: RuntimeConfig | undefined;
  /** Default: as upstream's. */
  readonly featureGates?: FeatureGates | undefined;
  readonly serviceAccountTokens: ServiceAccountTokenOptions;
  /** Ranges of cluster IPs, the primary family first, such as `10.43.0.0/16`. */
  readonly serviceCidrs: readonly string[];
  readonly nodePortRange: { readonly from: number; readonly to: number };
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** Routes without a host get NAME-NAMESPACE.apps.baseDomain; here with `apps.`. */
  readonly routeDomain: string;
  /** PEM of the authorities that sign client certificates; published for aggregated servers and kubeadm's cluster-info. */
  readonly clusterAuthorities?: string | undefined;
  /** A controller publishes ConfigMap openshift-service-ca.crt in every namespace; then Pods mount it beside their token. */
  readonly publishesServiceCa?: boolean | undefined;
  readonly nodes?: NodeConnector | undefined;
  /** Absent: pods/proxy and services/proxy answer 503. */
  readonly pods?: PodConnector | undefined;
  /** Absent: webhooks and aggregated servers cannot be called. */
  readonly outgoing?: OutgoingConnector | undefined;
  /** The certificate (PEM) with which aggregated servers know this one; asked for at each request. Absent: it has none. */
  readonly frontProxy?: (() => { readonly certificatePem: string; readonly keyPem: string }) | undefined;
  /** Of /readyz, besides upstream's. */
  readonly readinessChecks?: readonly ReadinessCheck[] | undefined;
  /** What the start writes, by whether it is there. Absent: nothing is waited for. */
  readonly startProgress?:
    | { bootstrapObjects(): boolean; /** `keepOwnObjects` is done. */ ownObjects(): boolean }
    | undefined;
  /** The process has been told to end: /readyz says so while what is above the API server stops. */
  readonly stopping?: AbortSignal | undefined;
  /** ComponentStatuses: parts of the control plane under upstream's names. */
  readonly components?: readonly ReadinessCheck[] | undefined;
  /** Whether a browser may show answers to pages of the origin. Absent: to none. */
  readonly allowsOrigin?: ((origin: string) => boolean) | undefined;
  readonly audit?: AuditSink | undefined;
  /** What the whole process measures of itself: `/metrics` tells it. Absent: what this server measures. */
  readonly metrics?: MetricRegistry | undefined;
  /** The operator's say in who may come in and who decides: the same object as long as nothing changed. */
  readonly access?: (() => AccessInUse) | undefined;
  /** Default: namespaces without labels admit every Pod, as upstream's. */
  readonly podSecurity?: PodSecurityOptions | undefined;
  /** Requests in work at once, shared by the priority levels. */
  readonly seatsInFlight?: number | undefined;
}
