// What the columns of tables mean.
import facts from '../generated/column-descriptions.json' with { type: 'json' };
import { apiVersionOf } from '../kinds.ts';
import type { KindRow } from '../kind.ts';

const { texts } = facts;
const columns: Readonly<Record<string, readonly number[]>> = facts.columns;
const [nameText = '', ageText = ''] = facts.columns.default.map((index) => texts[index]!);
/** Of kinds that upstream has no descriptions for. */
const ofAny: Readonly<Record<string, string>> = { Name: nameText, Age: ageText, 'Created At': ageText };

/** Of the column at `index`. */
export function columnDescription(row: KindRow, index: number): string {
  const own = columns[`${apiVersionOf(row)}/${row.resource}`];
  if (own !== undefined) return texts[own[index] ?? -1] ?? '';
  const custom = index === 0 ? undefined : row.custom?.columnDescriptions[index];
  return custom ?? ofAny[row.columns[index]?.[0] ?? ''] ?? '';
}
