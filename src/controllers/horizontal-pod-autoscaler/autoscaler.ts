// One look at one autoscaler: its target, its metrics, and what follows. Upstream's reconcileAutoscaler. What it remembers from look to
// look (recommendations, changes) is in memory, as upstream's: after a restart it begins anew.
import { HorizontalPodAutoscalers, Pods } from '#api/generated/kind-references.ts';
import type { HorizontalPodAutoscaler, MetricStatus, Pod, Scale } from '#api/generated/types.ts';
import { type LabelMatcher, parseLabelSelector } from '#api/meta/label-selector.ts';
import { isNotFound } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import type { EffectHands } from '../runtime/declaration.ts';
import { GroupVersionError, type NamedResource, resourcesOf } from './kinds.ts';
import { FailedMetric, type MetricProposal, proposalOf } from './metric-status.ts';
import { type AutoscalerMeasures, type ScaleAction, unmeasured } from './metrics.ts';
import { MetricsApis } from './metrics-apis.ts';
import {
  type Behavior,
  newHistory,
  normalize,
  type Normalized,
  normalizeWithBehavior,
  noteChange,
  type ScalingHistory,
} from './normalize.ts';
import { MetricError } from './samples.ts';
import { scalePath, type ScaleTarget as Target, writeScale } from './scale-target.ts';
import { StatusDraft } from './status-draft.ts';

export class Autoscaler {
  readonly #histories = new Map<string, ScalingHistory>();
  /** What each autoscaler's target selects, as last seen. */
  readonly #selectors = new Map<string, LabelMatcher>();
  measures: AutoscalerMeasures = unmeasured;

  forget(key: string): void {
    this.#histories.delete(key);
    this.#selectors.delete(key);
  }

  /** What keeps it from its work is told by the status and by events; the next look comes at its time all the same. */
  async look(namespace: string, name: string, hands: EffectHands): Promise<void> {
    const key = `${namespace}/${name}`;
    const original = await hands.client.resource(HorizontalPodAutoscalers).find({ namespace, name });
    if (original === undefined) return this.forget(key);
    const startMs = hands.clock.monotonicMs();
    const look = new OneLook(original, namespace, key, hands, this.#histories, this.#selectors, this.measures);
    let failure: unknown;
    try {
      await look.run();
    } catch (error) {
      if (!(error instanceof MetricError)) throw error;
      failure = error;
    }
    const kind = failure === undefined ? 'none' : failure instanceof SpecError ? 'spec' : 'internal';
    this.measures.looked(look.action, kind, (hands.clock.monotonicMs() - startMs) / 1000);
  }
}

/** What is wrong is in the autoscaler's own spec. */
class SpecError extends MetricError {}

class OneLook {
  action: ScaleAction = 'none';
  readonly #original: HorizontalPodAutoscaler;
  readonly #namespace: string;
  readonly #key: string;
  readonly #hands: EffectHands;
  readonly #histories: Map<string, ScalingHistory>;
  readonly #selectors: Map<string, LabelMatcher>;
  readonly #measures: AutoscalerMeasures;
  readonly #nowMs: number;
  readonly #status: StatusDraft;

  constructor(
    original: HorizontalPodAutoscaler,
    namespace: string,
    key: string,
    hands: EffectHands,
    histories: Map<string, ScalingHistory>,
    selectors: Map<string, LabelMatcher>,
    measures: AutoscalerMeasures,
  ) {
    this.#original = original;
    this.#namespace = namespace;
    this.#key = key;
    this.#hands = hands;
    this.#histories = histories;
    this.#selectors = selectors;
    this.#measures = measures;
    this.#nowMs = hands.clock.now();
    this.#status = new StatusDraft(original.status, this.#nowMs);
  }

  async run(): Promise<void> {
    const { spec } = this.#original;
    const reference = `${spec.scaleTargetRef.kind}/${this.#namespace}/${spec.scaleTargetRef.name}`;
    const target = await this.#target(reference);
    this.#status.condition(
      'AbleToScale',
      true,
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    );
    const current = target.scale.spec.replicas ?? 0;
    let history = this.#histories.get(this.#key);
    if (history === undefined) this.#histories.set(this.#key, (history = newHistory(current, this.#nowMs)));
    const minReplicas = spec.minReplicas ?? 1;
    let desired = current;
    let why = '';
    let metrics: readonly MetricStatus[] = [];
    let failure: MetricError | undefined;
    if (current === 0) {
      this.#status.condition(
        'ScalingActive',
        false,
        'ScalingDisabled',
        'scaling is disabled since the replica count of the target is zero',
      );
      this.#status.removeCondition('ScaledToZero');
    } else if (current > spec.maxReplicas) {
      [desired, why] = [spec.maxReplicas, 'Current number of replicas above Spec.MaxReplicas'];
    } else if (current < minReplicas) {
      [desired, why] = [minReplicas, 'Current number of replicas below Spec.MinReplicas'];
    } else {
      const found = await this.#replicasForMetrics(target.scale);
      ({ metrics, failure } = found);
      if (found.replicas === undefined) {
        this.#status.set(current, this.#status.current.desiredReplicas, metrics, false);
        await this.#save().catch(() => undefined);
        this.#event('Warning', 'FailedComputeMetricsReplicas', failure!.message);
        throw new MetricError(
          `failed to compute desired number of replicas based on listed metrics for ${reference}: ${failure!.message}`,
        );
      }
      if (found.replicas > current) why = `${found.name} above target`;
      if (found.replicas < current) why = 'All metrics below target';
      desired = this.#normalize(history, current, found.replicas, minReplicas);
    }
    const rescales = current !== 0 && desired !== current;
    if (rescales) await this.#rescale(target, reference, current, desired, why, metrics, history);
    this.#status.set(current, desired, metrics, rescales);
    this.#measures.wants(this.#namespace, this.#original.metadata.name ?? '', desired);
    await this.#save();
    if (failure !== undefined) throw failure;
  }

  async #target(reference: string): Promise<Target> {
    const { scaleTargetRef } = this.#original.spec;
    const fail = async (error: unknown, prefix: string): Promise<never> => {
      this.#event('Warning', 'FailedGetScale', messageOf(error));
      this.#status.condition(
        'AbleToScale',
        false,
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${messageOf(error)}`,
      );
      await this.#save().catch(() => undefined);
      throw new (error instanceof GroupVersionError ? SpecError : MetricError)(`${prefix}: ${messageOf(error)}`, {
        cause: error,
      });
    };
    const { client } = this.#hands;
    let resources: readonly NamedResource[];
    try {
      resources = await resourcesOf(client, scaleTargetRef);
    } catch (error) {
      return await fail(
        error,
        error instanceof GroupVersionError
          ? 'invalid API version in scale target reference'
          : 'unable to determine resource for scale target reference',
      );
    }
    let first: unknown;
    for (const resource of resources) {
      const path = scalePath(resource, this.#namespace, scaleTargetRef.name);
      try {
        return { scale: (await client.read(path)) as Scale, path, resource };
      } catch (error) {
        first ??= error;
      }
    }
    return await fail(first, `failed to query scale subresource for ${reference}`);
  }

  async #replicasForMetrics(scale: Scale): Promise<{
    readonly replicas: number | undefined;
    readonly name: string;
    readonly metrics: readonly MetricStatus[];
    readonly failure: MetricError | undefined;
  }> {
    const specs = this.#original.spec.metrics ?? [];
    let pods: readonly Pod[];
    try {
      pods = await this.#podsOf(scale.status?.selector ?? '');
    } catch (error) {
      return {
        replicas: undefined,
        name: '',
        metrics: [],
        failure: new MetricError(messageOf(error), { cause: error }),
      };
    }
    const apis = new MetricsApis(this.#hands.client);
    const specReplicas = scale.spec.replicas ?? 0;
    const metrics: MetricStatus[] = [];
    const failures: FailedMetric[] = [];
    let best: MetricProposal | undefined;
    const shown = this.#original.status?.currentReplicas ?? 0;
    for (const spec of specs) {
      const startMs = this.#hands.clock.monotonicMs();
      const seconds = () => (this.#hands.clock.monotonicMs() - startMs) / 1000;
      try {
        const proposal = await proposalOf(
          apis,
          {
            autoscaler: this.#original,
            namespace: this.#namespace,
            selector: scale.status?.selector ?? '',
            pods,
            specReplicas,
            statusReplicas: scale.status?.replicas ?? 0,
            nowMs: this.#nowMs,
          },
          spec,
        );
        metrics.push(proposal.status);
        const more = Math.sign(proposal.replicas - shown);
        this.#measures.computed(more > 0 ? 'scale_up' : more < 0 ? 'scale_down' : 'none', 'none', spec.type, seconds());
        if (best === undefined || best.replicas === 0 || proposal.replicas > best.replicas) best = proposal;
      } catch (error) {
        if (!(error instanceof FailedMetric)) throw error;
        this.#event('Warning', error.reason, error.message);
        failures.push(error);
        metrics.push({ type: '' });
        const kind = error.reason === 'InvalidMetricSourceType' ? 'spec' : 'internal';
        this.#measures.computed('none', kind, spec.type, seconds());
      }
    }
    const [first] = failures;
    const failure =
      first &&
      new MetricError(
        `invalid metrics (${failures.length} invalid out of ${specs.length}), first error is: ${first.wrapped}`,
      );
    // With some of them missing it may grow, not shrink: what is missing may be what holds it up.
    const replicas = best?.replicas ?? 0;
    if (first !== undefined && (best === undefined || replicas < specReplicas)) {
      this.#status.condition(
        'ScalingActive',
        false,
        first.reason,
        `the HPA was unable to compute the replica count: ${first.message}`,
      );
      return { replicas: undefined, name: '', metrics, failure };
    }
    const name = best?.name ?? '';
    this.#status.condition(
      'ScalingActive',
      true,
      'ValidMetricFound',
      `the HPA was able to successfully calculate a replica count from ${name}`,
    );
    return { replicas, name, metrics, failure };
  }

  /** Throws when the selector is none, or when it is another autoscaler's, too. */
  async #podsOf(selector: string): Promise<readonly Pod[]> {
    const refuse = (eventReason: string, reason: string, message: string, condition = message): never => {
      this.#event('Warning', eventReason, message);
      this.#status.condition('ScalingActive', false, reason, condition);
      throw new MetricError(message);
    };
    if (selector === '')
      refuse(
        'SelectorRequired',
        'InvalidSelector',
        'selector is required',
        "the HPA target's scale is missing a selector",
      );
    let matcher: LabelMatcher | undefined;
    try {
      matcher = parseLabelSelector(selector);
    } catch (error) {
      refuse(
        'InvalidSelector',
        'InvalidSelector',
        `couldn't convert selector into a corresponding internal selector object: ${messageOf(error)}`,
      );
    }
    this.#selectors.set(this.#key, matcher!);
    const { items } = await this.#hands.client
      .resource(Pods)
      .list({ namespace: this.#namespace, labelSelector: selector });
    const others = [...this.#selectors]
      .filter(([key]) => key.startsWith(`${this.#namespace}/`))
      .filter(([, other]) => items.some((pod) => other.matches(pod.metadata.labels)))
      .map(([key]) => key);
    if (others.length > 1) {
      const names = others.toSorted().map((key) => `{${key.slice(key.indexOf('/') + 1)} ${this.#namespace}}`);
      refuse(
        'AmbiguousSelector',
        'AmbiguousSelector',
        `pods by selector ${selector} are controlled by multiple HPAs: [${names.join(' ')}]`,
      );
    }
    return items;
  }

  #normalize(history: ScalingHistory, currentReplicas: number, desiredReplicas: number, minReplicas: number): number {
    const { maxReplicas } = this.#original.spec;
    const limits = { currentReplicas, desiredReplicas, minReplicas, maxReplicas };
    const behavior = this.#behavior();
    const result: Normalized =
      behavior === undefined
        ? normalize(history, limits, this.#nowMs)
        : normalizeWithBehavior(history, limits, behavior, this.#nowMs);
    this.#status.condition('AbleToScale', true, result.able.reason, result.able.message);
    this.#status.condition('ScalingLimited', result.limited.isLimited, result.limited.reason, result.limited.message);
    return result.replicas;
  }

  #behavior(): Behavior | undefined {
    const { behavior } = this.#original.spec;
    return behavior && { scaleUp: behavior.scaleUp ?? {}, scaleDown: behavior.scaleDown ?? {} };
  }

  async #rescale(
    target: Target,
    reference: string,
    current: number,
    desired: number,
    why: string,
    metrics: readonly MetricStatus[],
    history: ScalingHistory,
  ): Promise<void> {
    try {
      await writeScale(this.#hands.client, target, desired);
    } catch (error) {
      const message = messageOf(error);
      this.#event('Warning', 'FailedRescale', `New size: ${desired}; reason: ${why}; error: ${message}`);
      this.#status.condition(
        'AbleToScale',
        false,
        'FailedUpdateScale',
        `the HPA controller was unable to update the target scale: ${message}`,
      );
      this.#status.set(current, this.#status.current.desiredReplicas, metrics, false);
      await this.#save().catch(() => undefined);
      throw new MetricError(`failed to rescale ${reference}: ${message}`, { cause: error });
    }
    this.#status.condition(
      'AbleToScale',
      true,
      'SucceededRescale',
      `the HPA controller was able to update the target scale to ${desired}`,
    );
    this.#event('Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${why}`);
    this.action = desired > current ? 'scale_up' : 'scale_down';
    noteChange(history, this.#behavior(), current, desired, this.#nowMs);
    this.#status.removeCondition('ScaledToZero');
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#hands.event({ about: this.#original, type, reason, message });
  }

  async #save(): Promise<void> {
    if (semanticallyEqual(this.#original.status, this.#status.current)) return;
    try {
      await this.#hands.client
        .resource(HorizontalPodAutoscalers)
        .update({ ...this.#original, status: this.#status.current }, { subresource: 'status' });
    } catch (error) {
      if (isNotFound(error)) return;
      const name = this.#original.metadata.name ?? '';
      this.#event('Warning', 'FailedUpdateStatus', messageOf(error));
      throw new MetricError(`failed to update status for ${name}: ${messageOf(error)}`, { cause: error });
    }
  }
}
