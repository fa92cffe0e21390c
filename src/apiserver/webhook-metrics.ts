// Counters of calls of admission webhooks under upstream's names, as the lines that /metrics prints.
import type { RequestMetrics } from './context.ts';

type Recorders = Required<Pick<RequestMetrics, 'recordWebhook' | 'recordWebhookRejection' | 'recordWebhookFailOpen'>>;

export interface WebhookMetrics extends Recorders {
  /** Lines of the text format; '' before the first call. */
  text(): string;
}

/** A last bound: webhooks are named by who configures them, which is not everybody. */
const seriesMax = 2_000;
const prefix = 'apiserver_admission_webhook_';
const bucketsSeconds = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
/** Upstream counts every code above it as this one. */
const codeMax = 600;

type Labels = Readonly<Record<string, string>>;
interface Series {
  readonly labels: string;
  count: number;
  sum: number;
  /** How many took at most so long, for each bucket. */
  readonly atMost: number[];
}

/** As the text format wants values: backslashes, quotes and line ends escaped. */
const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`)
    .join(',');

class Family {
  readonly #name: string;
  readonly #help: string;
  readonly #series = new Map<string, Series>();
  constructor(name: string, help: string) {
    this.#name = `${prefix}${name}`;
    this.#help = help;
  }
  add(labels: Labels, seconds = 0): void {
    const text = labelText(labels);
    let one = this.#series.get(text);
    if (one === undefined) {
      if (this.#series.size >= seriesMax) return;
      this.#series.set(text, (one = { labels: text, count: 0, sum: 0, atMost: bucketsSeconds.map(() => 0) }));
    }
    one.count++;
    one.sum += seconds;
    bucketsSeconds.forEach((limit, index) => {
      if (seconds <= limit) one.atMost[index]!++;
    });
  }
  text(type: 'counter' | 'histogram'): string {
    if (this.#series.size === 0) return '';
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} ${type}`];
    for (const { labels, count, sum, atMost } of this.#series.values()) {
      if (type === 'counter') lines.push(`${this.#name}{${labels}} ${count}`);
      else
        lines.push(
          ...bucketsSeconds.map((limit, index) => `${this.#name}_bucket{${labels},le="${limit}"} ${atMost[index]!}`),
          `${this.#name}_bucket{${labels},le="+Inf"} ${count}`,
          `${this.#name}_sum{${labels}} ${sum}`,
          `${this.#name}_count{${labels}} ${count}`,
        );
    }
    return `${lines.join('\n')}\n`;
  }
}

export function webhookMetrics(): WebhookMetrics {
  const requests = new Family('request_total', 'Calls of admission webhooks.');
  const durations = new Family('admission_duration_seconds', 'Time that calls of admission webhooks took.');
  const rejections = new Family('rejection_count', 'Requests refused because of an admission webhook.');
  const failOpen = new Family('fail_open_count', 'Calls that failed and let the request pass.');
  const codeText = (code: number): string => String(Math.min(code, codeMax));
  return {
    recordWebhook({ name, type, operation, code, rejected, durationSeconds }) {
      requests.add({ name, type, operation, code: codeText(code), rejected: String(rejected) });
      durations.add({ name, type, operation, rejected: String(rejected) }, durationSeconds);
    },
    recordWebhookRejection({ name, type, operation, errorType, code }) {
      rejections.add({ name, type, operation, error_type: errorType, rejection_code: codeText(code) });
    },
    recordWebhookFailOpen({ name, type }) {
      failOpen.add({ name, type });
    },
    text: () =>
      requests.text('counter') + durations.text('histogram') + rejections.text('counter') + failOpen.text('counter'),
  };
}
