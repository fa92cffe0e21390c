// What anybody sees was written: by an operation on that object, which had begun, and which was not refused.
import type { Facts } from './facts.ts';
import type { Operation } from './history.ts';

/** `operations`: as they were recorded. */
export function judgeValues(operations: readonly Operation[], facts: Facts): string[] {
  const writes = new Map(
    operations.flatMap((one) => ('value' in one.action ? [[one.action.value, one] as const] : [])),
  );
  const problems: string[] = [];
  for (const { key, type, version, seenAt } of facts.byRevision.values()) {
    const write = writes.get(version.value);
    const say = (what: string): void =>
      void problems.push(`a ${type} of ${key} at revision ${version.revision} shows ${version.value}, ${what}`);
    if (write === undefined) say('which nobody wrote');
    else if (write.key !== key) say(`which was written to ${write.key}`);
    else if (write.call > seenAt) say('which nobody had written by then');
    else if (write.outcome.type !== 'version' && write.outcome.type !== 'unknown')
      say(`which was refused (${write.outcome.type})`);
    else if (type === 'put' && write.outcome.type === 'version' && write.outcome.version.revision !== version.revision)
      say(`which was written at revision ${write.outcome.version.revision}`);
  }
  return problems;
}
