// What is noted of a service account's token, for metrics and the audit log of the request that showed it.
import type { TokenNotes } from '../access/questions.ts';
import { annotate } from '../audit/notes.ts';
import type { RequestContext } from '../context.ts';

export function noteToken(context: RequestContext, { annotations, counted, warning }: TokenNotes): void {
  for (const use of counted) context.server.metrics.access.onToken(use);
  for (const [key, value] of Object.entries(annotations)) annotate(context, key, value);
  if (warning !== undefined) context.warnings.push(warning);
}
