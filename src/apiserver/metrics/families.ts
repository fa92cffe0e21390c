// Counters, gauges and histograms as plain numbers, and the lines that Prometheus reads. Recording costs a lookup and an addition;
// text is made when somebody asks.

export type Labels = Readonly<Record<string, string>>;
export type Line = readonly [suffix: string, labels: Labels, value: number];

/** As the text format wants values: backslashes, quotes and line ends escaped. */
const escaped = (value: string): string => value.replaceAll(/[\\"]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`);

const labelText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

export const familyText = (name: string, type: string, help: string, lines: Iterable<Line>): string => {
  const printed = [...lines].map(([suffix, labels, value]) => `${name}${suffix}${labelText(labels)} ${value}\n`);
  return printed.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${printed.join('')}`;
};

export interface Family {
  text(): string;
}

/** A last bound: labels come from what is served and configured, not from what clients send. */
const seriesMax = 5_000;

/** Series by a key that the caller has at hand, so that labels are made once a series. */
class SeriesTable<S> {
  readonly #byKey = new Map<string, { readonly labels: Labels; readonly state: S }>();
  readonly #make: () => S;
  constructor(make: () => S) {
    this.#make = make;
  }
  /** Undefined: there are too many. */
  at(key: string, labels: () => Labels): S | undefined {
    let one = this.#byKey.get(key);
    if (one === undefined) {
      if (this.#byKey.size >= seriesMax) return undefined;
      this.#byKey.set(key, (one = { labels: labels(), state: this.#make() }));
    }
    return one.state;
  }
  all(): Iterable<{ readonly labels: Labels; readonly state: S }> {
    return this.#byKey.values();
  }
}

/** A counter, or a gauge that goes up and down. */
export class Count implements Family {
  readonly #name: string;
  readonly #help: string;
  readonly #type: 'counter' | 'gauge';
  readonly #series = new SeriesTable(() => ({ value: 0 }));

  constructor(type: 'counter' | 'gauge', name: string, help: string) {
    this.#type = type;
    this.#name = name;
    this.#help = help;
  }
  add(key: string, labels: () => Labels, change = 1): void {
    const one = this.#series.at(key, labels);
    if (one !== undefined) one.value += change;
  }
  text(): string {
    const lines = [...this.#series.all()].map(({ labels, state }): Line => ['', labels, state.value]);
    return familyText(this.#name, this.#type, this.#help, lines);
  }
}

export class Histogram implements Family {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series: SeriesTable<{ readonly counts: number[]; sum: number }>;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
    this.#series = new SeriesTable(() => ({ counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 }));
  }
  observe(key: string, labels: () => Labels, value: number): void {
    const one = this.#series.at(key, labels);
    if (one === undefined) return;
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    one.counts[bucket]!++;
    one.sum += value;
  }
  text(): string {
    const lines: Line[] = [];
    for (const { labels, state } of this.#series.all()) {
      let total = 0;
      [...this.#bounds, '+Inf'].forEach((bound, index) => {
        total += state.counts[index]!;
        lines.push(['_bucket', { ...labels, le: String(bound) }, total]);
      });
      lines.push(['_sum', labels, state.sum], ['_count', labels, total]);
    }
    return familyText(this.#name, 'histogram', this.#help, lines);
  }
}
