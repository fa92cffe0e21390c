// What is told of work queues, under the names of Kubernetes' client library: what came, waits and is in work, and for how long.
import type { Clock } from '../clock.ts';
import { exponentialBounds, familyText, type Line } from './families.ts';
import type { MetricRegistry } from './registry.ts';

/** Hears of the keys of one queue. */
export interface QueueObserver {
  onAdded(key: string): void;
  onStarted(key: string): void;
  onFinished(key: string): void;
  onRetry(): void;
  /** Nothing that waits will be done. */
  onClosed(): void;
}

interface Books {
  readonly name: string;
  readonly waitingSince: Map<string, number>;
  readonly workingSince: Map<string, number>;
}

const boundsSeconds = exponentialBounds(1e-8, 10, 10).map((bound) => Number(bound.toPrecision(6)));

interface Queues {
  observer(name: string): QueueObserver;
}

function queuesOf(registry: MetricRegistry, clock: Clock): Queues {
  const all = new Map<string, Books>();
  const added = registry.counter('workqueue_adds_total', 'Keys that came.', ['name']);
  const retried = registry.counter('workqueue_retries_total', 'Keys that came back after a failure.', ['name']);
  const waits = registry.histogram('workqueue_queue_duration_seconds', 'How long keys waited.', boundsSeconds, [
    'name',
  ]);
  const works = registry.histogram('workqueue_work_duration_seconds', 'How long keys were in work.', boundsSeconds, [
    'name',
  ]);
  const computed = (name: string, help: string, value: (one: Books) => number): void => {
    const lines = (): Line[] => [...all.values()].map((one) => ['', { name: one.name }, value(one)]);
    registry.add({ name, text: () => familyText(name, 'gauge', help, lines()) });
  };
  const ages = ({ workingSince }: Books): number[] => {
    const now = clock.monotonicMs();
    return [...workingSince.values()].map((since) => (now - since) / 1000);
  };
  computed('workqueue_depth', 'Keys that wait.', (one) => one.waitingSince.size);
  computed('workqueue_unfinished_work_seconds', 'Time that what is in work has taken so far.', (one) =>
    ages(one).reduce((sum, age) => sum + age, 0),
  );
  computed('workqueue_longest_running_processor_seconds', 'The longest of what is in work.', (one) =>
    Math.max(0, ...ages(one)),
  );
  return {
    observer(name) {
      const labels = { name };
      const [addedHere, retriedHere] = [added.with(labels), retried.with(labels)];
      const [waited, worked] = [waits.with(labels), works.with(labels)];
      const waitingSince = new Map<string, number>();
      const workingSince = new Map<string, number>();
      all.set(name, { name, waitingSince, workingSince });
      /** Seconds since the key came into these books, which it leaves. */
      const left = (books: Map<string, number>, key: string, now: number): number => {
        const since = books.get(key) ?? now;
        books.delete(key);
        return (now - since) / 1000;
      };
      return {
        onAdded(key) {
          addedHere.value++;
          waitingSince.set(key, clock.monotonicMs());
        },
        onStarted(key) {
          const now = clock.monotonicMs();
          waited.observe(left(waitingSince, key, now));
          workingSince.set(key, now);
        },
        onFinished: (key) => worked.observe(left(workingSince, key, clock.monotonicMs())),
        onRetry: () => retriedHere.add(),
        onClosed: () => waitingSince.clear(),
      };
    },
  };
}

const made = new WeakMap<MetricRegistry, Queues>();

/** Of the queue of this name in the process; one that is made anew goes on counting. */
export function queueObserver(registry: MetricRegistry, clock: Clock, name: string): QueueObserver {
  let queues = made.get(registry);
  if (queues === undefined) made.set(registry, (queues = queuesOf(registry, clock)));
  return queues.observer(name);
}
