// What the configuration says about the router as a whole (keys ingress.*). The shape is the configuration's own; defaults are MicroShift's.

export interface CapturedField {
  readonly name: string;
  readonly maxLength: number;
}
export interface CapturedCookie {
  readonly matchType: 'Exact' | 'Prefix';
  /** The cookie, or the beginning of its name. */
  readonly name: string;
  readonly maxLength: number;
}
export interface RouterPolicy {
  readonly routeAdmissionPolicy: {
    readonly namespaceOwnership: 'InterNamespaceAllowed' | 'Strict';
    readonly wildcardPolicy: 'WildcardsDisallowed' | 'WildcardsAllowed';
  };
  /** Secret in openshift-ingress whose certificate is served to hosts without one of their own. */
  readonly certificateSecret: string;
  readonly clientTls: {
    /** Empty: clients are not asked for a certificate. */
    readonly policy: '' | 'Optional' | 'Required';
    /** ConfigMap in openshift-ingress; its `ca-bundle.pem`. */
    readonly authorityConfigMap: string;
    readonly allowedSubjectPatterns: readonly string[];
  };
  readonly tlsSecurityProfile: {
    readonly type: 'Old' | 'Intermediate' | 'Modern' | 'Custom';
    /** Of the type Custom. */
    readonly ciphers: readonly string[];
    readonly minVersion: 'VersionTLS10' | 'VersionTLS11' | 'VersionTLS12' | 'VersionTLS13';
  };
  readonly defaultHttpVersion: 1 | 2;
  readonly forwardedHeaderPolicy: 'Append' | 'Replace' | 'IfNone' | 'Never';
  readonly compressedMimeTypes: readonly string[];
  readonly emptyRequestsPolicy: 'Respond' | 'Ignore';
  readonly logEmptyRequests: boolean;
  /** ConfigMap in openshift-ingress with error-page-503.http and error-page-404.http; empty: the router's own page. */
  readonly errorPagesConfigMap: string;
  readonly accessLog: {
    readonly enabled: boolean;
    /** Container: the log file of HAProxy. */
    readonly destination: 'Container' | 'Syslog';
    readonly containerMaxLength: number;
    readonly syslog: {
      readonly address: string;
      readonly port: number;
      readonly facility: string;
      readonly maxLength: number;
    };
    /** Empty: HAProxy's httplog. */
    readonly format: string;
    readonly requestHeaders: readonly CapturedField[];
    readonly responseHeaders: readonly CapturedField[];
    readonly cookie: CapturedCookie | undefined;
  };
  readonly tuning: {
    readonly clientTimeoutMs: number;
    readonly clientFinTimeoutMs: number;
    readonly serverTimeoutMs: number;
    readonly serverFinTimeoutMs: number;
    readonly tunnelTimeoutMs: number;
    readonly tlsInspectDelayMs: number;
    readonly healthCheckIntervalMs: number;
    readonly headerBufferBytes: number;
    readonly headerBufferMaxRewriteBytes: number;
    /** -1: what the system allows. */
    readonly maxConnections: number;
    readonly threadCount: number;
  };
}

export const defaultPolicy: RouterPolicy = {
  routeAdmissionPolicy: { namespaceOwnership: 'InterNamespaceAllowed', wildcardPolicy: 'WildcardsDisallowed' },
  certificateSecret: 'router-certs-default',
  clientTls: { policy: '', authorityConfigMap: '', allowedSubjectPatterns: [] },
  tlsSecurityProfile: { type: 'Intermediate', ciphers: [], minVersion: 'VersionTLS12' },
  defaultHttpVersion: 1,
  forwardedHeaderPolicy: 'Append',
  compressedMimeTypes: [],
  emptyRequestsPolicy: 'Respond',
  logEmptyRequests: true,
  errorPagesConfigMap: '',
  accessLog: {
    enabled: false,
    destination: 'Container',
    containerMaxLength: 1024,
    syslog: { address: '', port: 514, facility: 'local1', maxLength: 1024 },
    format: '',
    requestHeaders: [],
    responseHeaders: [],
    cookie: undefined,
  },
  tuning: {
    clientTimeoutMs: 30_000,
    clientFinTimeoutMs: 1_000,
    serverTimeoutMs: 30_000,
    serverFinTimeoutMs: 1_000,
    tunnelTimeoutMs: 3_600_000,
    tlsInspectDelayMs: 5_000,
    healthCheckIntervalMs: 5_000,
    headerBufferBytes: 32_768,
    headerBufferMaxRewriteBytes: 8_192,
    maxConnections: 50_000,
    threadCount: 4,
  },
};
