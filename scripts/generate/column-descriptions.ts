// Descriptions of the columns of tables. The facts name the field whose description a column has, as upstream's printers do; where those
// have words of their own, the facts have them behind an equals sign.
import type { Descriptions } from './descriptions.ts';

/** Printers know nothing of enumerations. */
const withoutValues = (text: string): string => text.replace(/\n\nPossible enum values:[^]*$/, '').trimEnd();

/** `texts`, and for a resource the index of each column's. */
export function generateColumnDescriptions(
  facts: Readonly<Record<string, readonly string[]>>,
  descriptions: Readonly<Record<string, string>>,
  exact: Readonly<Record<string, Descriptions>>,
): string {
  const indexes = new Map<string, number>();
  const textOf = (fact: string): string => {
    if (fact === '' || fact.startsWith('=')) return fact.slice(1);
    const [type = '', field = ''] = fact.split('#');
    const known = descriptions[type];
    const [, fields] = known === undefined ? exact[type]! : (JSON.parse(known) as Descriptions);
    return withoutValues(fields[field]!);
  };
  const columns = Object.fromEntries(
    Object.entries(facts).map(([resource, list]) => [
      resource,
      list.map((fact) => {
        const text = textOf(fact);
        const index = indexes.get(text) ?? indexes.size;
        indexes.set(text, index);
        return index;
      }),
    ]),
  );
  return `${JSON.stringify({ texts: [...indexes.keys()], columns })
    .replaceAll('","', '",\n"')
    .replaceAll('],"', '],\n"')}\n`;
}
