// One request as a line of the audit log, in the form of audit.k8s.io/v1 at level Metadata. Pure.
import type { AuditEvent } from '#apiserver/options.ts';

export const auditLine = (event: AuditEvent, now: number): string =>
  `${JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: event.id,
    stage: 'ResponseComplete',
    requestURI: event.path,
    verb: event.verb,
    user: { username: event.user },
    sourceIPs: [event.sourceAddress],
    responseStatus: { metadata: {}, code: event.status },
    requestReceivedTimestamp: new Date(now - event.durationMs).toISOString(),
    stageTimestamp: new Date(now).toISOString(),
  })}\n`;
