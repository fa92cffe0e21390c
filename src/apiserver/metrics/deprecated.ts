// Who still asks for a version that will go: told in a metric and in the audit log, as upstream does.
import type { KindRow } from '#api/kind.ts';
import { annotate } from '../audit/notes.ts';
import type { RequestContext } from '../context.ts';

/** `warning`: what its users are told, with the release in which it goes, if that is decided. */
export function noteDeprecated(context: RequestContext, row: KindRow, warning: string): void {
  const release = /unavailable in v(\d+\.\d+)\+/.exec(warning)?.[1] ?? '';
  context.server.metrics.requests.onDeprecated(row, context.info.subresource, release);
  annotate(context, 'k8s.io/deprecated', 'true');
  if (release !== '') annotate(context, 'k8s.io/removed-release', release);
}
