// Who still asks for a version that will go: told in a metric and in the audit log, as upstream does.
import type { KindRow } from '#api/kind.ts';
import type { RequestContext } from '../context.ts';

/** `warning`: what its users are told, with the release in which it goes, if that is decided. */
export function noteDeprecated(context: RequestContext, row: KindRow, warning: string): void {
  const release = /unavailable in v(\d+\.\d+)\+/.exec(warning)?.[1] ?? '';
  context.server.metrics.requests.onDeprecated(row, context.info.subresource, release);
  context.auditAnnotations ??= new Map();
  context.auditAnnotations.set('k8s.io/deprecated', 'true');
  if (release !== '') context.auditAnnotations.set('k8s.io/removed-release', release);
}
