// Figures to a table, to JSON and back, and against a baseline: pure.
import { rows, type Row } from './rows.ts';

export interface Figure {
  readonly ours: number;
  /** Upstream's, of the same run. */
  readonly peer?: number | undefined;
}
export type Figures = ReadonlyMap<string, Figure>;

/** Where and how the figures were taken. */
export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly loadAverage: number;
  readonly options: string;
}

/** How many times better than upstream; undefined without one. */
export function ratioOf(row: Row, { ours, peer }: Figure): number | undefined {
  if (peer === undefined) return undefined;
  const [above, below] = row.better === 'more' ? [ours, peer] : [peer, ours];
  return below === 0 ? undefined : above / below;
}

/** Undefined: it has no budget, or one that takes a peer. */
export function isKept(row: Row, figure: Figure): boolean | undefined {
  if (row.ratioBudget !== undefined) {
    const ratio = ratioOf(row, figure);
    return ratio === undefined ? undefined : ratio >= row.ratioBudget;
  }
  if (row.budget === undefined) return undefined;
  return row.better === 'less' ? figure.ours <= row.budget : figure.ours >= row.budget;
}

const digits = (value: number): string => value.toFixed(Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2);
const verdicts = { true: 'kept', false: 'NOT KEPT', undefined: '' } as const;
const columns = (cells: readonly string[]): string =>
  `${cells[0]!.padEnd(46)}${cells[1]!.padStart(10)} ${cells[2]!.padEnd(11)}${cells[3]!.padStart(10)}${cells[4]!.padStart(9)}  ${cells[5]!.padEnd(12)}${cells[6]!}`.trimEnd();

export const tableHead = columns(['quantity', 'ours', '', 'upstream', 'ratio', 'budget', '']);

export function tableLine(row: Row, figure: Figure): string {
  const ratio = ratioOf(row, figure);
  const sign = row.better === 'less' ? '<=' : '>=';
  const budget =
    row.ratioBudget !== undefined ? `>= ${row.ratioBudget}x` : row.budget !== undefined ? `${sign} ${row.budget}` : '';
  return columns([
    row.quantity,
    digits(figure.ours),
    row.unit,
    figure.peer === undefined ? '' : digits(figure.peer),
    ratio === undefined ? '' : `${digits(ratio)}x`,
    budget,
    verdicts[`${isKept(row, figure)}`],
  ]);
}

export const table = (figures: Figures): string =>
  [tableHead, ...rows.flatMap((row) => (figures.has(row.id) ? [tableLine(row, figures.get(row.id)!)] : []))].join('\n');

/** The table of docs/performance.md. */
export function markdown(figures: Figures): string {
  const lines = rows.flatMap((row) => {
    const figure = figures.get(row.id);
    if (figure === undefined) return [];
    const ratio = ratioOf(row, figure);
    const unit = row.unit === '' || row.unit === '/s' ? row.unit : ` ${row.unit}`;
    const budget =
      row.ratioBudget !== undefined ? `${row.ratioBudget}x` : row.budget === undefined ? '' : `${row.budget}${unit}`;
    const peer = figure.peer === undefined ? '' : `${digits(figure.peer)}${unit}`;
    const kept = isKept(row, figure) === false ? ' **not kept**' : '';
    const cells = [
      row.quantity.trim(),
      `${digits(figure.ours)}${unit}`,
      peer,
      ratio === undefined ? '' : `${digits(ratio)}x`,
      `${budget}${kept}`,
    ];
    return [`| ${cells.join(' | ')} |`];
  });
  return ['| quantity | ours | upstream | ratio | budget |', '| --- | --- | --- | --- | --- |', ...lines].join('\n');
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

export function toJson(figures: Figures, circumstances: Circumstances): string {
  const list = rows.flatMap((row) => {
    const figure = figures.get(row.id);
    if (figure === undefined) return [];
    const ratio = ratioOf(row, figure);
    return [
      {
        id: row.id,
        quantity: row.quantity.trim(),
        unit: row.unit,
        better: row.better,
        ours: rounded(figure.ours),
        peer: figure.peer === undefined ? undefined : rounded(figure.peer),
        ratio: ratio === undefined ? undefined : rounded(ratio),
        budget: row.budget,
        ratioBudget: row.ratioBudget,
        isKept: isKept(row, figure),
      },
    ];
  });
  return `${JSON.stringify({ format: 1, ...circumstances, rows: list }, undefined, 2)}\n`;
}

/** Ratios of a file that `toJson` made, by the rows' ids. Throws when it is none. */
export function ratiosOf(text: string): ReadonlyMap<string, number> {
  const refuse = (what: string): Error =>
    new Error(
      `The baseline is not a file of npm run bench -- --json: ${what}. Make one with --peer-binaries and --json.`,
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw refuse('it is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || !('format' in parsed) || parsed.format !== 1)
    throw refuse('its format is not 1');
  if (!('rows' in parsed) || !Array.isArray(parsed.rows)) throw refuse('it has no rows');
  const ratios = new Map<string, number>();
  for (const row of parsed.rows as unknown[]) {
    if (typeof row !== 'object' || row === null || !('id' in row) || typeof row.id !== 'string')
      throw refuse('a row has no id');
    if (!('ratio' in row)) continue;
    if (typeof row.ratio !== 'number' || !(row.ratio > 0))
      throw refuse(`the ratio of ${row.id} is not a number above 0`);
    ratios.set(row.id, row.ratio);
  }
  if (ratios.size === 0) throw refuse('no row has a ratio');
  return ratios;
}

/** More than this share worse than the baseline is a regression. */
export const worseMax = 0.15;

/**
 * What is worse than in the baseline, a line each. A gated row of the baseline that was to be measured (`isAsked`) and has no ratio now is a failure, too: a gate that
 * passes because nothing was compared is none.
 */
export function regressions(
  figures: Figures,
  baseline: ReadonlyMap<string, number>,
  isAsked: (id: string) => boolean = () => true,
): string[] {
  const found: string[] = [];
  for (const row of rows) {
    const before = baseline.get(row.id);
    if (before === undefined || row.isGated !== true || !isAsked(row.id)) continue;
    const figure = figures.get(row.id);
    const now = figure === undefined ? undefined : ratioOf(row, figure);
    const name = `${row.id} (${row.quantity.trim()})`;
    if (now === undefined)
      found.push(`${name}: ${digits(before)}x upstream in the baseline, not compared with upstream now`);
    else if (now < before * (1 - worseMax))
      found.push(
        `${name}: ${digits(now)}x upstream, in the baseline ${digits(before)}x: ${Math.round((1 - now / before) * 100)} % worse`,
      );
  }
  return found;
}

export const median = (values: readonly number[]): number => {
  if (values.length === 0) throw new Error('no median of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
