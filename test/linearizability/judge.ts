// Everything that a history shows to be wrong. docs/internals/linearizability.md
import { gatherFacts, resolveUnknown } from './facts.ts';
import type { History } from './history.ts';
import { judgeObjects } from './judge-objects.ts';
import { judgeRevisions } from './judge-revisions.ts';
import { judgeStates } from './judge-states.ts';
import { judgeValues } from './judge-values.ts';
import { judgeWatches } from './judge-watches.ts';

/** Empty: nothing. */
export function judge(history: History): string[] {
  const facts = gatherFacts(history);
  const operations = resolveUnknown(history.operations, facts);
  return [
    ...facts.problems,
    ...judgeValues(history.operations, facts),
    ...judgeObjects(operations, history.lists),
    ...judgeRevisions(operations, history, facts),
    ...judgeWatches(history, facts),
    ...judgeStates(history),
  ];
}
