// Removes finished Jobs after spec.ttlSecondsAfterFinished.
import { Jobs } from '#api/generated/kind-references.ts';
import { keyedController, read, self, splitKey, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';
import { finishedJobMeasures } from './metrics.ts';

export const ttlAfterFinished = keyedController({
  name: 'ttl-after-finished',
  account: 'ttl-after-finished-controller',
  measures: finishedJobMeasures,
  reads: [read(Jobs, self)],
  writes: [write(Jobs, 'delete')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const job = lookup.get(Jobs, namespace, name);
    return job && { job };
  },
  decide,
});
