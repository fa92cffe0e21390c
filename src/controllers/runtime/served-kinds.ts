// The kinds over which namespace deletion and garbage collection go: each stored resource once, in one served version.
import { kindTable } from '#api/kinds.ts';
import type { KindReference } from '#api/kind.ts';
import { servedBy, type RuntimeConfig } from '#rules/runtime-config.ts';

const needed = ['list', 'watch', 'delete'] as const;
/** Too many and too short-lived to be watched; nothing depends on them. */
const isEvent = (kind: KindReference): boolean => kind.resource === 'events';

export function storedKinds(config: RuntimeConfig = []): readonly KindReference[] {
  const isServed = servedBy(config);
  const seen = new Set<string>();
  return kindTable.rows.filter((row) => {
    // Without storage it is not served as objects; stored as another kind, it is a view of those (Project).
    if (
      row.storage === undefined ||
      row.storage.kind !== row.kind ||
      !isServed(row) ||
      !needed.every((verb) => row.verbs.includes(verb)) ||
      isEvent(row)
    )
      return false;
    const storage = `${row.storage.group}/${row.resource}`;
    if (seen.has(storage)) return false;
    seen.add(storage);
    return true;
  });
}
