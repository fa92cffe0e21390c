// CronJob: makes a Job whenever its schedule says so.
import { CronJobs, Jobs } from '#api/generated/kind-references.ts';
import { controllerIndex } from '../ownership/ownership.ts';
import {
  controllerOwner,
  keyedController,
  read,
  self,
  splitKey,
  write,
  writeSubresource,
} from '../runtime/declaration.ts';
import { decide } from './decide.ts';
import { cronJobMeasures } from './metrics.ts';

export const cronJob = keyedController({
  name: 'cronjob',
  account: 'cronjob-controller',
  measures: cronJobMeasures,
  reads: [read(CronJobs, self), read(Jobs, controllerOwner(CronJobs))],
  writes: [write(Jobs, 'create', 'delete'), writeSubresource(CronJobs, 'status', 'update')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const found = lookup.get(CronJobs, namespace, name);
    if (found === undefined) return undefined;
    return {
      cronJob: found,
      jobs: lookup.byIndex(Jobs, controllerIndex, found.metadata.uid!),
      jobNamed: (jobName: string) => lookup.get(Jobs, namespace, jobName),
    };
  },
  decide,
});
