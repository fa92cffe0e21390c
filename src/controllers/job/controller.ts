// Job: runs Pods until enough of them succeeded.
import { Jobs, Pods } from '#api/generated/kind-references.ts';
import type { Job, Pod } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { controllerOf } from '#api/meta/owner.ts';
import { controllerIndex, orphansOf } from '../ownership/ownership.ts';
import {
  controllerOwner,
  keyText,
  keyedController,
  read,
  self,
  splitKey,
  write,
  writeSubresource,
  type Lookup,
} from '../runtime/declaration.ts';
import { endOf } from './conditions.ts';
import { decide, isManagedElsewhere, type JobSnapshot } from './decide.ts';
import { jobMeasures } from './metrics.ts';
import { isTracked, untrack } from './pods.ts';

const owner = controllerOwner(Jobs);
/** Before the key of a Pod that no Job is going to count. */
const strayPrefix = 'stray:';

const jobOf = (pod: Pod, lookup: Lookup): Job | undefined => {
  const reference = controllerOf(pod);
  const found = reference === undefined ? undefined : lookup.get(Jobs, pod.metadata.namespace, reference.name);
  return found?.metadata.uid === reference?.uid ? found : undefined;
};
/** Its finalizer is in the way, for nobody is going to count it. */
function isStray(pod: Pod, lookup: Lookup): boolean {
  if (!isTracked(pod)) return false;
  const reference = controllerOf(pod);
  if (reference !== undefined && (reference.kind !== 'Job' || !reference.apiVersion.startsWith('batch/'))) return false;
  const job = jobOf(pod, lookup);
  return job === undefined || (endOf(job) !== undefined && !isManagedElsewhere(job));
}

function wakeByPod(pod: Pod, lookup: Lookup): readonly string[] {
  const stray = isStray(pod, lookup) ? [`${strayPrefix}${keyText(pod)}`] : [];
  if (controllerOf(pod) !== undefined) return [...owner(pod), ...stray];
  const adopters = lookup
    .list(Jobs, pod.metadata.namespace)
    .filter((one) => matcherFor(one.spec.selector).matches(pod.metadata.labels));
  return [...adopters.map(keyText), ...stray];
}

function wakeByJob(job: Job, lookup: Lookup): readonly string[] {
  const strays = lookup
    .byIndex(Pods, controllerIndex, job.metadata.uid!)
    .filter((pod) => isStray(pod, lookup))
    .map((pod) => `${strayPrefix}${keyText(pod)}`);
  return [...self(job), ...strays];
}

type Snapshot = { readonly stray: Pod } | JobSnapshot;

export const job = keyedController<Snapshot>({
  name: 'job',
  account: 'job-controller',
  measures: jobMeasures,
  reads: [read(Jobs, wakeByJob), read(Pods, wakeByPod)],
  writes: [write(Pods, 'create', 'delete', 'patch'), writeSubresource(Jobs, 'status', 'update')],
  snapshot(lookup, key, { failure }) {
    if (key.startsWith(strayPrefix)) {
      const { namespace, name } = splitKey(key.slice(strayPrefix.length));
      const pod = lookup.get(Pods, namespace, name);
      return pod !== undefined && isStray(pod, lookup) ? { stray: pod } : undefined;
    }
    const { namespace, name } = splitKey(key);
    const found = lookup.get(Jobs, namespace, name);
    if (found === undefined) return undefined;
    return {
      job: found,
      pods: [
        ...lookup.byIndex(Pods, controllerIndex, found.metadata.uid!),
        ...lookup.byIndex(Pods, controllerIndex, orphansOf(namespace)),
      ],
      failure,
    };
  },
  decide: (snapshot, now) => ('stray' in snapshot ? { actions: [untrack(snapshot.stray)] } : decide(snapshot, now)),
});
