// What travels with a request through the chain, and the parts of the server that steps, verbs and plugins use.
// Interfaces only; the parts are made in api-server.ts.
import type { FeatureGates } from '#api/feature-gates.ts';
import type { DropGatedFields } from '#api/gated-fields.ts';
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import type { ApiRequest, ApiResponse, Identity } from '#api/request.ts';
import type { Aggregation } from './aggregation/served.ts';
import type { ApiServices } from './aggregation/api-services.ts';
import type { AnonymousAccess } from './access/access-in-use.ts';
import type { AccessDecision, Authorizer, ImmediateAuthorizer, TokenAuthenticator } from './access/questions.ts';
import type { ApiServerOptions, HealthChecks } from './options.ts';
import type { ServedKinds } from './custom-resources/served-kinds.ts';
import type { FlowControl } from './flow-control/flow-control.ts';
import type { WatchCounts } from './flow-control/watch-counts.ts';
import type { ServerMetrics } from './metrics/server-metrics.ts';
import type { AuditedRequestNotes } from './audit/notes.ts';
import type { SelectionIndex } from './registry/selection-index.ts';
import type { Turns } from './registry/turns.ts';
import type { RequestInfo } from './request-info.ts';

export type {
  AccessAttributes,
  AccessDecision,
  Authorizer,
  ImmediateAuthorizer,
  TokenAnswer,
  TokenAuthenticator,
  TokenRefusal,
  TokenReviewResult,
} from './access/questions.ts';

export interface RequestContext {
  readonly server: Server;
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  /** Of the resource that is asked for; undefined: it is none, or nobody serves it. */
  readonly row: KindRow | undefined;
  /** Set by authenticate, replaced by impersonate. */
  user: Identity;
  /** Who asked, whoever they ask to be; undefined until that is known. For the audit log. */
  authenticatedAs?: Identity;
  /** The right by which `user` is somebody else than who asked; '' for the unconstrained one. For the audit log. */
  impersonationConstraint?: string;
  /** What the authorizers said. For the audit log. */
  decision?: AccessDecision;
  readonly warnings: string[];
  /** Of its time: what webhooks took, and the wait for a turn. */
  othersMs?: number;
  /** Where the audit log wants to know what was sent. */
  audited?: AuditedRequestNotes | undefined;
  /** For the audit log, by key; made with the first one. */
  auditAnnotations?: Map<string, string>;
  /** Of a request from the network: the client's own, or made here. */
  auditId?: string;
  /** A verb of a kind answers. */
  isRouted?: boolean;
  /** Headers of every answer to this request, failures as well. */
  answerHeaders?: Readonly<Record<string, string>>;
}

/** A promise only where something has to be waited for: what memory answers is there at once, without a turn of the event loop. */
export type Answered = ApiResponse | Promise<ApiResponse>;
/** May throw as well as reject. */
export type Next = (context: RequestContext) => Answered;
export type Step = (context: RequestContext, next: Next) => Answered;

/** One rule of a role, all lists present. */
export interface AccessRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

export interface RuleResolver {
  /** There are authorizers that cannot list what they allow. */
  readonly incomplete?: boolean;
  /** Every rule that holds for the user in the namespace ('' for the cluster), with what could not be resolved. */
  rulesFor(
    user: Identity,
    namespace: string,
  ): { readonly rules: readonly AccessRule[]; readonly errors: readonly string[] };
}

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** A kind, or a type of options, as requests name it. */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** What plugins of one request tell each other when one of them changed the object: all run once more then, at most once. */
export interface Reinvocation {
  /** This is the second round. */
  isReinvoked: boolean;
  /** Somebody changed the object in a way that the others should see. */
  isWanted: boolean;
  /** A plugin's own notes for the second round, by its name. */
  notes: Map<string, unknown> | undefined;
}

export interface AdmissionAttributes {
  readonly operation: AdmissionOperation;
  /** Of the stored version: the one of `object` and `old`. Custom resources: of the request's version. */
  readonly row: KindRow;
  /** Of the version and group that the client asked for. */
  readonly requested: KindRow;
  /** Of `object` where a subresource has a type of its own: Scale, Binding, Eviction, TokenRequest, PodExecOptions. */
  readonly subresourceKind: GroupVersionKind | undefined;
  readonly subresource: string;
  /** '' for kinds of the cluster, Namespaces too. */
  readonly namespace: string;
  readonly name: string;
  /** This request's own copy, changed in place; undefined for DELETE. */
  readonly object: Mutable<KubernetesObject> | undefined;
  readonly old: KubernetesObject | undefined;
  /** CreateOptions, UpdateOptions (also of patches) or DeleteOptions with kind and apiVersion, without what was not said; CONNECT has none. */
  readonly options: Readonly<Record<string, unknown>> | undefined;
  readonly user: Identity;
  readonly dryRun: boolean;
  readonly warnings: string[];
  readonly reinvocation: Reinvocation;
  /** Of the request: aborted when the caller goes away. */
  readonly signal: AbortSignal;
  /** Into the audit log. The first value of a key stays. */
  annotate(key: string, value: string): void;
  /** So much of the request's time was somebody else's. */
  onOthers(durationMs: number): void;
  /** Called once the write has succeeded or failed: what a plugin held for it ends. */
  readonly onFinished: (() => void)[];
}

export interface AdmissionPlugin {
  readonly name: string;
  /** Changes `attributes.object`, or throws an ApiError. */
  mutate?(attributes: AdmissionAttributes, server: Server): void | Promise<void>;
  /** Throws an ApiError. */
  validate?(attributes: AdmissionAttributes, server: Server): void | Promise<void>;
  /** Whether it has anything to say of this kind, ever; absent: of all. */
  readonly concerns?: ((kind: Pick<KindRow, 'group' | 'resource'>) => boolean) | undefined;
  /** What the store configures: webhooks, policies. */
  readonly isDynamic?: boolean | undefined;
  /** It is asked about Bindings, Evictions, tokens and reviews as well, which are no objects of their row. */
  readonly seesActions?: boolean | undefined;
  /** The server ends. */
  close?(): void;
}

export interface Server {
  readonly options: ApiServerOptions;
  readonly gates: FeatureGates;
  readonly dropGatedFields: DropGatedFields;
  readonly authorizer: Authorizer;
  /** RBAC alone, for what is asked of every object of a list: nobody outside is asked. */
  readonly boundRights: ImmediateAuthorizer;
  readonly rules: RuleResolver;
  readonly tokens: TokenAuthenticator;
  /** Where nobody has to say who they are. */
  anonymous(): AnonymousAccess;
  readonly admission: readonly AdmissionPlugin[];
  readonly metrics: ServerMetrics;
  readonly flowControl: FlowControl;
  readonly watches: WatchCounts;
  readonly selectionIndex: SelectionIndex;
  /** At objects that several write at once, by their keys. */
  readonly turns: Turns;
  readonly health: HealthChecks;
  /** Built-in and custom. */
  readonly kinds: ServedKinds;
  readonly apiServices: ApiServices;
  /** This server with those behind its APIServices. */
  readonly aggregation: Aggregation;
  /** Ends when the server closes: watches and streams end with it. */
  readonly closing: AbortSignal;
}
