// How long admission took, by plugin and by half, under upstream's names. A write passes twenty plugins: their series are bound
// once, and one reading of the clock ends one plugin and begins the next.
import type { Clock } from '#base/clock.ts';
import type { Distribution } from '#base/metrics/families.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';

export type AdmissionHalf = 'admit' | 'validate';

/** One half of one request's admission, on its way through the plugins. */
export interface AdmissionTimes {
  /** The plugin of that name has answered. */
  passed(plugin: string): void;
  /** It has refused: the last one. */
  refused(plugin: string): void;
  /** All have been asked. */
  done(): void;
}
export interface AdmissionMetrics {
  begin(half: AdmissionHalf, operation: string): AdmissionTimes;
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
  /** By half, operation and outcome; then by plugin. */
  const bound = new Map<string, { readonly all: Distribution; readonly plugins: Map<string, Distribution> }>();
  const seriesOf = (type: AdmissionHalf, operation: string, rejected: string) => {
    const key = `${type} ${operation} ${rejected}`;
    let one = bound.get(key);
    if (one === undefined)
      bound.set(key, (one = { all: bySteps.with({ type, operation, rejected }), plugins: new Map() }));
    return one;
  };
  return {
    begin(type, operation) {
      const startMs = clock.monotonicMs();
      let sinceMs = startMs;
      const passed = seriesOf(type, operation, 'false');
      const observe = (plugins: Map<string, Distribution>, name: string, rejected: string): void => {
        const nowMs = clock.monotonicMs();
        let one = plugins.get(name);
        if (one === undefined) plugins.set(name, (one = byPlugin.with({ name, operation, rejected, type })));
        one.observe((nowMs - sinceMs) / 1000);
        sinceMs = nowMs;
      };
      return {
        passed: (plugin) => observe(passed.plugins, plugin, 'false'),
        refused(plugin) {
          const refused = seriesOf(type, operation, 'true');
          observe(refused.plugins, plugin, 'true');
          refused.all.observe((sinceMs - startMs) / 1000);
        },
        done: () => passed.all.observe((sinceMs - startMs) / 1000),
      };
    },
  };
}
