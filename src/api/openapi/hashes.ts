// Hashes of the OpenAPI v3 documents of built-in kinds, made at build time: an index of documents takes no making of them.
import hashes from '../generated/openapi-hashes.json' with { type: 'json' };
import type { KindRow } from '../kind.ts';
import { kindTable } from '../kinds.ts';
import { sourcePlace } from './items.ts';

const known: Readonly<Record<string, string>> = hashes;
/** By place. */
let counts: ReadonlyMap<string, number> | undefined;
const builtIn: ReadonlySet<KindRow> = new Set(kindTable.rows);

/** Undefined when the document is not of exactly the kinds that a group version has. */
export function hashOfBuiltIn(place: string, rows: readonly KindRow[]): string | undefined {
  if (rows.length > 0) {
    counts ??= new Map(
      [...Map.groupBy(kindTable.rows, ({ group, version }) => sourcePlace(group, version))].map(([key, all]) => [
        key,
        all.length,
      ]),
    );
    if (counts.get(place) !== rows.length || !rows.every((row) => builtIn.has(row))) return undefined;
  }
  return Object.hasOwn(known, place) ? known[place] : undefined;
}
