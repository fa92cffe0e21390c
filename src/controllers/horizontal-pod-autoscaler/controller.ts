// HorizontalPodAutoscaler: looks at each every fifteen seconds, as upstream does, and at once when its spec changes. Metrics have to be
// asked for, so the whole look is an effect (autoscaler.ts); what it decides by is pure (replicas.ts, normalize.ts).
import { HorizontalPodAutoscalers } from '#api/generated/kind-references.ts';
import { type Controller, keyedController, partChanges, read, self, splitKey } from '../runtime/declaration.ts';
import { Autoscaler } from './autoscaler.ts';
import { autoscalerMeasures } from './metrics.ts';

const periodMs = 15_000;

export function horizontalPodAutoscaler(): Controller {
  const autoscaler = new Autoscaler();
  const look = { verb: 'effect', effect: 'look' } as const;
  return keyedController<{ readonly key: string; readonly exists: boolean }>({
    name: 'horizontal-pod-autoscaler',
    account: 'horizontal-pod-autoscaler',
    reads: [
      read(
        HorizontalPodAutoscalers,
        self,
        partChanges((one) => one.spec),
      ),
    ],
    writes: [],
    measures(registry) {
      autoscaler.measures = autoscalerMeasures(registry);
      const count = registry.gauge(
        'horizontal_pod_autoscaler_controller_num_horizontal_pod_autoscalers',
        'Autoscalers that are looked after.',
        [],
      );
      return ({ lookup }) => count.with({}).set(lookup.list(HorizontalPodAutoscalers).length);
    },
    effects: {
      look: async (key, hands) => {
        const { namespace = '', name } = splitKey(key);
        await autoscaler.look(namespace, name, hands);
      },
    },
    snapshot(lookup, key) {
      const { namespace, name } = splitKey(key);
      return { key, exists: lookup.get(HorizontalPodAutoscalers, namespace, name) !== undefined };
    },
    decide({ key, exists }) {
      if (exists) return { actions: [{ ...look, argument: key }], wakeAfterMs: periodMs };
      autoscaler.forget(key);
      return { actions: [] };
    },
  });
}
