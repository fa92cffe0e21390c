// Fields of Pods and templates that upstream's server knows and leaves out, since the feature they are for is off by default
// in its version: ContainerStopSignals, GenericWorkload, ClusterTrustBundleProjection and PodCertificateRequest. What was stored
// with them keeps them.
import type { PodSpec } from '../generated/types.ts';
import type { Mutable } from '../kind.ts';
import { placedContainers } from './placed-containers.ts';

const stopSignalsInUse = (spec: PodSpec | undefined): boolean =>
  spec !== undefined &&
  placedContainers('', spec).some(({ container }) => container.lifecycle?.stopSignal !== undefined);

const disabledSources = ['clusterTrustBundle', 'podCertificate'] as const;

function dropDisabledSources(spec: Mutable<PodSpec>, previous: PodSpec | undefined): void {
  for (const volume of spec.volumes ?? [])
    for (const source of volume.projected?.sources ?? [])
      for (const name of disabledSources) {
        if (source[name] === undefined) continue;
        const inUse = previous?.volumes?.some((one) => one.projected?.sources?.some((of) => of[name] !== undefined));
        if (inUse !== true) delete source[name];
      }
}

export function dropDisabledPodFields(spec: Mutable<PodSpec> | undefined, previous?: PodSpec): void {
  if (spec === undefined) return;
  if (spec.schedulingGroup !== undefined && previous?.schedulingGroup === undefined) delete spec.schedulingGroup;
  dropDisabledSources(spec, previous);
  if (!stopSignalsInUse(spec as PodSpec) || stopSignalsInUse(previous)) return;
  for (const { container } of placedContainers('', spec as PodSpec)) {
    const own = container as Mutable<typeof container>;
    if (own.lifecycle?.stopSignal === undefined) continue;
    delete own.lifecycle.stopSignal;
    if (Object.values(own.lifecycle).every((one) => one === undefined)) delete own.lifecycle;
  }
}
