// One request as an event of audit.k8s.io/v1. Pure.
import { formatMicroTime } from '#api/meta/time.ts';
import type { ApiRequest, ApiResponse, Identity } from '#api/request.ts';
import type { RequestInfo } from '../request-info.ts';
import type { AuditLevel } from './policy.ts';

export type AuditStage = 'ResponseStarted' | 'ResponseComplete';

export interface AuditUser {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The fields of audit.k8s.io/v1 Event that are written; the order is that of the lines. */
export interface AuditEvent {
  readonly kind: 'Event';
  readonly apiVersion: 'audit.k8s.io/v1';
  readonly level: Exclude<AuditLevel, 'None'>;
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: AuditUser;
  readonly impersonatedUser?: AuditUser;
  /** The right by which somebody is somebody else, where it is one for single verbs. */
  readonly authenticationMetadata?: { readonly impersonationConstraint: string };
  readonly sourceIPs: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: Readonly<Record<string, unknown>>;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface AuditedRequest {
  readonly id: string;
  readonly level: Exclude<AuditLevel, 'None'>;
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  /** Undefined: nobody was identified. */
  readonly user: Identity | undefined;
  readonly impersonated: Identity | undefined;
  readonly impersonationConstraint?: string | undefined;
  readonly decision: { readonly decision: string; readonly reason: string } | undefined;
  /** The object that was sent says so of itself. */
  readonly named?: { readonly name?: string; readonly uid?: string; readonly resourceVersion?: string } | undefined;
  /** What admission noted. */
  readonly noted?: ReadonlyMap<string, string> | undefined;
  readonly receivedMs: number;
}
/** Absent members: not recorded. */
export interface AuditedBodies {
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly truncated?: boolean;
}

export function auditEvent(
  audited: AuditedRequest,
  stage: AuditStage,
  response: ApiResponse,
  bodies: AuditedBodies,
  now: number,
): AuditEvent {
  const { id, level, request, info, user, impersonated, decision, receivedMs } = audited;
  const annotations = {
    ...notedAt(audited),
    ...(decision === undefined
      ? {}
      : {
          'authorization.k8s.io/decision': decision.decision === 'allow' ? 'allow' : 'forbid',
          'authorization.k8s.io/reason': decision.reason,
        }),
    ...(bodies.truncated === true ? { 'audit.k8s.io/truncated': 'true' } : {}),
  };
  const agent = request.headers['user-agent'];
  const query = request.query.toString();
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID: id,
    stage,
    requestURI: query === '' ? info.path : `${info.path}?${query}`,
    verb: info.verb,
    user: user === undefined ? {} : auditUser(user),
    ...(impersonated === undefined ? {} : { impersonatedUser: auditUser(impersonated) }),
    ...((audited.impersonationConstraint ?? '') === ''
      ? {}
      : { authenticationMetadata: { impersonationConstraint: audited.impersonationConstraint! } }),
    sourceIPs: [request.remoteAddress],
    ...(agent === undefined || agent === '' ? {} : { userAgent: agent }),
    ...(info.isResource ? { objectRef: objectReference(info, audited.named) } : {}),
    responseStatus: responseStatus(response),
    ...('requestObject' in bodies ? { requestObject: withoutManagedFields(bodies.requestObject) } : {}),
    ...('responseObject' in bodies ? { responseObject: withoutManagedFields(bodies.responseObject) } : {}),
    requestReceivedTimestamp: formatMicroTime(receivedMs),
    stageTimestamp: formatMicroTime(now),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** Patches of webhooks show what was sent: they are noted where bodies are. */
const notedAt = ({ noted, level }: AuditedRequest): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...(noted ?? [])].filter(
      ([key]) => level === 'RequestResponse' || !key.startsWith('patch.webhook.admission.k8s.io/'),
    ),
  );

const auditUser = ({ name, uid, groups, extra }: Identity): AuditUser => ({
  username: name,
  ...(uid === undefined || uid === '' ? {} : { uid }),
  ...(groups.length === 0 ? {} : { groups }),
  ...(extra === undefined ? {} : { extra }),
});

interface AnswerObject {
  readonly kind?: unknown;
  readonly status?: unknown;
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly details?: unknown;
}
const answerObject = ({ body }: ApiResponse): AnswerObject | undefined =>
  body.type === 'object' && typeof body.object === 'object' && body.object !== null ? body.object : undefined;

function objectReference(info: RequestInfo, sent: AuditedRequest['named']): Readonly<Record<string, string>> {
  const fields: Readonly<Record<string, unknown>> = {
    resource: info.resource,
    namespace: info.namespace,
    name: info.name === '' ? sent?.name : info.name,
    uid: sent?.uid,
    apiGroup: info.group,
    apiVersion: info.version,
    resourceVersion: sent?.resourceVersion,
    subresource: info.subresource,
  };
  return Object.fromEntries(
    Object.entries(fields).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '',
    ),
  );
}

function responseStatus(response: ApiResponse): Readonly<Record<string, unknown>> {
  const answer = answerObject(response);
  if (answer?.kind !== 'Status') return { metadata: {}, code: response.status };
  const { status, message, reason, details } = answer;
  return {
    metadata: {},
    status,
    ...(message === undefined ? {} : { message }),
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code: response.status,
  };
}

/** The profiles leave them out: they are long, and say nothing that the log itself does not say. */
function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { metadata, items } = value as { readonly metadata?: unknown; readonly items?: unknown };
  const own =
    typeof metadata === 'object' && metadata !== null && 'managedFields' in metadata
      ? { metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== 'managedFields')) }
      : {};
  return { ...value, ...own, ...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : {}) };
}
