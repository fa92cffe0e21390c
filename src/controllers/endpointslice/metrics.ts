// What is told of EndpointSlices, under upstream's names.
import { EndpointSlices, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice } from '#api/generated/types.ts';
import { exponentialBounds, familyText, type Line } from '#base/metrics/families.ts';
import { kindId, type Lookup, type Measures } from '../runtime/declaration.ts';
import { endpointsMax, hasEndpoints, managedByLabel, managedByUs, type EndpointSliceSnapshot } from './decide.ts';

const prefix = 'endpoint_slice_controller_';
const operations: Readonly<Record<string, string>> = { create: 'create', update: 'update', delete: 'delete' };

const addressesOf = (slices: readonly EndpointSlice[]): Set<string> =>
  new Set(slices.flatMap((one) => one.endpoints ?? []).map((one) => one.addresses.join()));

export const endpointSliceMeasures: Measures<EndpointSliceSnapshot> = (registry) => {
  let lookup: Lookup | undefined;
  const ours = (): readonly EndpointSlice[] =>
    lookup?.list(EndpointSlices).filter((one) => one.metadata.labels?.[managedByLabel] === managedByUs) ?? [];
  const computed = (name: string, help: string, lines: () => readonly Line[]): void =>
    void registry.add({ name: prefix + name, text: () => familyText(prefix + name, 'gauge', help, lines()) });
  const count = (slices: readonly EndpointSlice[]): number =>
    slices.reduce((sum, one) => sum + (one.endpoints?.length ?? 0), 0);
  computed('num_endpoint_slices', 'Slices that are there.', () => [['', {}, ours().length]]);
  computed('endpoints_desired', 'Endpoints that are wanted.', () => [['', {}, count(ours())]]);
  computed('desired_endpoint_slices', 'Slices that would do.', () => {
    const byService = Map.groupBy(
      ours(),
      (one) => `${one.metadata.namespace!}/${one.metadata.ownerReferences?.[0]?.uid}`,
    );
    const wanted = [...byService.values()].map((slices) => Math.max(1, Math.ceil(count(slices) / endpointsMax)));
    return [['', {}, wanted.reduce((sum, one) => sum + one, 0)]];
  });
  computed('services_count_by_traffic_distribution', 'Services that say how traffic goes.', () => {
    const said = (lookup?.list(Services) ?? [])
      .filter(hasEndpoints)
      .flatMap((one) => one.spec.trafficDistribution ?? []);
    return [...Map.groupBy(said, (one) => one)].map(([one, all]) => ['', { traffic_distribution: one }, all.length]);
  });
  const changes = registry.counter(`${prefix}changes`, 'Slices that were written.', ['operation']);
  const syncs = registry.counter(`${prefix}syncs`, 'Looks at Services.', ['result']);
  const bounds = exponentialBounds(2, 2, 15);
  const added = registry.histogram(`${prefix}endpoints_added_per_sync`, 'Endpoints that came.', bounds).with({});
  const removed = registry.histogram(`${prefix}endpoints_removed_per_sync`, 'Endpoints that went.', bounds).with({});
  return (run) => {
    lookup ??= run.lookup;
    syncs.with({ result: run.error === undefined ? 'success' : 'error' }).add();
    if (run.error !== undefined) return;
    const next = new Map(run.seen.slices.map((one) => [one.metadata.name!, one]));
    let made = 0;
    for (const one of run.actions) {
      const operation = operations[one.verb];
      if (operation === undefined || !('kind' in one) || kindId(one.kind) !== kindId(EndpointSlices)) continue;
      changes.with({ operation }).add();
      if (one.verb === 'delete') next.delete(one.key.name);
      else if (one.verb === 'update') next.set(one.object.metadata.name!, one.object as EndpointSlice);
      else if (one.verb === 'create') next.set(`new ${made++}`, one.object as EndpointSlice);
    }
    const before = addressesOf(run.seen.slices);
    const after = addressesOf([...next.values()]);
    added.observe(after.difference(before).size);
    removed.observe(before.difference(after).size);
  };
};
