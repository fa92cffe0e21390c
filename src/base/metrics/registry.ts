// What one process tells of itself: families of several parts, printed together in the order of their names.
import { Counter, Gauge, Histogram, type Family, type LabelsOf } from './families.ts';

/** What has no labels is told from the beginning, as upstream. */
function begun<L extends string, F extends { with(labels: LabelsOf<L>): unknown }>(family: F, labels: readonly L[]): F {
  if (labels.length === 0) family.with({} as LabelsOf<L>);
  return family;
}

export class MetricRegistry {
  readonly #families = new Map<string, Family>();

  counter<L extends string = never>(name: string, help: string, labels: readonly L[] = []): Counter<L> {
    return begun(this.add(new Counter(name, help, labels)), labels);
  }
  gauge<L extends string = never>(name: string, help: string, labels: readonly L[] = []): Gauge<L> {
    return begun(this.add(new Gauge(name, help, labels)), labels);
  }
  histogram<L extends string = never>(
    name: string,
    help: string,
    bounds: readonly number[],
    labels: readonly L[] = [],
  ): Histogram<L> {
    return begun(this.add(new Histogram(name, help, bounds, labels)), labels);
  }
  /** What is counted when somebody asks. A family of the same name takes the place of the older one: its part was started anew. */
  add<F extends Family>(family: F): F {
    this.#families.set(family.name, family);
    return family;
  }
  text(): string {
    let text = '';
    for (const name of [...this.#families.keys()].toSorted()) text += this.#families.get(name)!.text();
    return text;
  }
}
