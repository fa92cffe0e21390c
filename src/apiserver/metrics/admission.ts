// How long admission took, by plugin and by half, under upstream's names. A write passes twenty plugins: their series are bound
// once, one reading of the clock ends one plugin and begins the next, and who is not asked has taken no time.
import type { Clock } from '#base/clock.ts';
import type { Distribution } from '#base/metrics/families.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';

export type AdmissionHalf = 'admit' | 'validate';

/** One half of one request's admission, on its way through the plugins that are asked, by their index among these. */
export interface AdmissionTimes {
  /** That plugin has answered. */
  passed(index: number): void;
  /** It has refused: the last one. */
  refused(index: number): void;
  /** All have been asked. */
  done(): void;
}
/** Of the requests for which the same plugins are asked. */
export interface AdmissionSeries {
  begin(): AdmissionTimes;
}
/** A plugin that has something to do in a half; of some kinds it has nothing to say. */
export interface AdmissionMember {
  readonly name: string;
  readonly isAsked: boolean;
}
export interface AdmissionMetrics {
  bind(half: AdmissionHalf, operation: string, plugins: readonly AdmissionMember[]): AdmissionSeries;
}

const boundsSeconds = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

export function admissionMetrics(registry: MetricRegistry, clock: Clock): AdmissionMetrics {
  const byPlugin = registry.histogram(
    'apiserver_admission_controller_admission_duration_seconds',
    'How long an admission plugin took.',
    boundsSeconds,
    ['name', 'operation', 'rejected', 'type'],
  );
  const bySteps = registry.histogram(
    'apiserver_admission_step_admission_duration_seconds',
    'How long all plugins took together.',
    boundsSeconds,
    ['operation', 'rejected', 'type'],
  );
  return {
    bind: (type, operation, plugins) =>
      new Series(
        clock,
        plugins,
        (name, rejected) => byPlugin.with({ name, operation, rejected, type }),
        (rejected) => bySteps.with({ operation, rejected, type }),
      ),
  };
}

class Series implements AdmissionSeries {
  readonly clock: Clock;
  readonly asked: readonly string[];
  /** Of each that is asked, those before it that are not; and behind the last one. */
  readonly skipped: readonly (readonly Distribution[])[];
  readonly passed: readonly Distribution[];
  readonly all: Distribution;
  readonly ofPlugin: (name: string, rejected: string) => Distribution;
  readonly ofAll: (rejected: string) => Distribution;

  constructor(clock: Clock, plugins: readonly AdmissionMember[], ofPlugin: Series['ofPlugin'], ofAll: Series['ofAll']) {
    this.clock = clock;
    this.ofPlugin = ofPlugin;
    this.ofAll = ofAll;
    this.all = ofAll('false');
    const asked = plugins.filter((one) => one.isAsked);
    this.asked = asked.map((one) => one.name);
    this.passed = this.asked.map((name) => ofPlugin(name, 'false'));
    const skipped: Distribution[][] = [[]];
    for (const { name, isAsked } of plugins)
      if (isAsked) skipped.push([]);
      else skipped.at(-1)!.push(ofPlugin(name, 'false'));
    this.skipped = skipped;
  }
  begin(): AdmissionTimes {
    return new Times(this);
  }
}

class Times implements AdmissionTimes {
  readonly #series: Series;
  readonly #startMs: number;
  #sinceMs: number;

  constructor(series: Series) {
    this.#series = series;
    this.#startMs = this.#sinceMs = series.clock.monotonicMs();
  }
  passed(index: number): void {
    this.#skip(index);
    this.#observe(this.#series.passed[index]!);
  }
  refused(index: number): void {
    const { asked, ofPlugin, ofAll } = this.#series;
    this.#skip(index);
    this.#observe(ofPlugin(asked[index]!, 'true'));
    this.#finish(ofAll('true'));
  }
  done(): void {
    this.#skip(this.#series.asked.length);
    this.#finish(this.#series.all);
  }
  #skip(index: number): void {
    for (const one of this.#series.skipped[index]!) one.observe(0);
  }
  #observe(one: Distribution): void {
    const nowMs = this.#series.clock.monotonicMs();
    one.observe((nowMs - this.#sinceMs) / 1000);
    this.#sinceMs = nowMs;
  }
  #finish(all: Distribution): void {
    all.observe((this.#sinceMs - this.#startMs) / 1000);
  }
}
