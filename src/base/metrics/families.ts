// Counters, gauges and histograms as plain numbers, and the lines that Prometheus reads. Who measures often binds its series once
// and then only adds; text is made when somebody asks. A family costs nothing but its name until it has a series.

export type LabelsOf<L extends string> = Readonly<Record<L, string>>;
export type Line = readonly [suffix: string, labels: Readonly<Record<string, string>>, value: number];

/** As the text format wants values: backslashes, quotes and line ends escaped. */
const escaped = (value: string): string => value.replaceAll(/[\\"]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`);

const pairText = (name: string, value: string): string => `${name}="${escaped(value)}"`;
const labelText = (labels: Readonly<Record<string, string>>): string => {
  const pairs = Object.keys(labels).map((name) => pairText(name, labels[name]!));
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

export const familyText = (name: string, type: string, help: string, lines: Iterable<Line>): string => {
  let text = '';
  for (const [suffix, labels, value] of lines) text += `${name}${suffix}${labelText(labels)} ${value}\n`;
  return text === '' ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${text}`;
};

/** As upstream writes bounds, which are labels and compared as texts: `1e+06`, `2.592e+06`, `1e-05`. */
export function boundText(bound: number): string {
  const [mantissa, power] = bound.toExponential().split('e') as [string, string];
  const exponent = Number(power);
  if (bound === 0 || (exponent >= -4 && exponent < 6)) return String(bound);
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

export interface Family {
  readonly name: string;
  /** '' while there is nothing to tell. */
  text(): string;
}

/** A last bound: labels come from what is served and configured, not from what clients send. */
export const seriesMax = 5_000;

/** One series of a counter or gauge. */
export class Value {
  value = 0;
  add(change = 1): void {
    this.value += change;
  }
  set(value: number): void {
    this.value = value;
  }
}

/** Where sizes or times of something go. */
export interface Observer {
  observe(value: number): void;
}

/** One series of a histogram. */
export class Distribution implements Observer {
  readonly #bounds: readonly number[];
  /** One more than bounds. */
  readonly counts: number[];
  sum = 0;
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = bounds.map(() => 0);
    this.counts.push(0);
  }
  observe(value: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
  }
  get count(): number {
    return this.counts.reduce((sum, one) => sum + one, 0);
  }
}

interface Entry<S> {
  readonly labels: string;
  readonly series: S;
}

abstract class LabelledFamily<L extends string, S> implements Family {
  readonly name: string;
  readonly #help: string;
  readonly #type: string;
  readonly #labels: readonly L[];
  readonly #entries = new Map<string, Entry<S>>();

  protected constructor(type: string, name: string, help: string, labels: readonly L[]) {
    this.name = name;
    this.#help = help;
    this.#type = type;
    this.#labels = labels.toSorted();
  }
  protected abstract make(): S;
  protected abstract print(labels: string, series: S): string;

  /** The series of these labels. Where there are too many, one that is not told. */
  with(labels: LabelsOf<L>): S {
    let key = '';
    for (const name of this.#labels) key += `${labels[name]}\0`;
    const there = this.#entries.get(key);
    if (there !== undefined) return there.series;
    const series = this.make();
    if (this.#entries.size < seriesMax) {
      const text = this.#labels.map((name) => pairText(name, labels[name])).join(',');
      this.#entries.set(key, { labels: text, series });
    }
    return series;
  }
  /** What was counted under these labels goes, with its object. */
  without(labels: LabelsOf<L>): void {
    this.#entries.delete(this.#labels.map((name) => `${labels[name]}\0`).join(''));
  }
  text(): string {
    let text = '';
    for (const { labels, series } of this.#entries.values()) text += this.print(labels, series);
    return text === '' ? '' : `# HELP ${this.name} ${this.#help}\n# TYPE ${this.name} ${this.#type}\n${text}`;
  }
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);

class ValueFamily<L extends string> extends LabelledFamily<L, Value> {
  protected make(): Value {
    return new Value();
  }
  protected print(labels: string, { value }: Value): string {
    return `${this.name}${braced(labels)} ${value}\n`;
  }
}
export class Counter<L extends string = never> extends ValueFamily<L> {
  constructor(name: string, help: string, labels: readonly L[] = []) {
    super('counter', name, help, labels);
  }
}
export class Gauge<L extends string = never> extends ValueFamily<L> {
  constructor(name: string, help: string, labels: readonly L[] = []) {
    super('gauge', name, help, labels);
  }
}

export class Histogram<L extends string = never> extends LabelledFamily<L, Distribution> {
  readonly #bounds: readonly number[];
  constructor(name: string, help: string, bounds: readonly number[], labels: readonly L[] = []) {
    super('histogram', name, help, labels);
    this.#bounds = bounds;
  }
  protected make(): Distribution {
    return new Distribution(this.#bounds);
  }
  protected print(labels: string, { counts, sum }: Distribution): string {
    const before = labels === '' ? '' : `${labels},`;
    let text = '';
    let total = 0;
    this.#bounds.forEach((bound, index) => {
      total += counts[index]!;
      text += `${this.name}_bucket{${before}le="${boundText(bound)}"} ${total}\n`;
    });
    total += counts[this.#bounds.length]!;
    text += `${this.name}_bucket{${before}le="+Inf"} ${total}\n`;
    return `${text}${this.name}_sum${braced(labels)} ${sum}\n${this.name}_count${braced(labels)} ${total}\n`;
  }
}

/** Bounds that grow by a factor, as upstream computes them. */
export const exponentialBounds = (first: number, factor: number, count: number): readonly number[] => {
  const bounds: number[] = [];
  for (let bound = first; bounds.length < count; bound *= factor) bounds.push(bound);
  return bounds;
};
