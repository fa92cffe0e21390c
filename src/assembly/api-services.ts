// An APIService for each group that the server answers itself, as upstream registers them: clients and installers look here for
// what is there. Pure: a list.
import { APIServices } from '#api/generated/kind-references.ts';
import type { APIService } from '#api/generated/types.ts';
import { kindTable } from '#api/kinds.ts';

export const localApiServices = (): readonly APIService[] =>
  kindTable.groups.flatMap(({ name, priority, versions }) =>
    versions.flatMap((one) =>
      priority === undefined || one.priority === undefined || !one.servedByDefault
        ? []
        : [
            {
              apiVersion: 'apiregistration.k8s.io/v1',
              kind: APIServices.kind,
              metadata: {
                name: `${one.version}.${name}`,
                labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' },
              },
              spec: {
                ...(name === '' ? {} : { group: name }),
                version: one.version,
                groupPriorityMinimum: priority,
                versionPriority: one.priority,
              },
            },
          ],
    ),
  );

/** What to write where it does not say so yet; undefined: nothing, or somebody else serves this group. */
export function localStatus({ spec, status }: APIService, now: string): APIService['status'] | undefined {
  const isSaid = status?.conditions?.some((one) => one.type === 'Available' && one.reason === 'Local');
  if ((spec?.service ?? undefined) !== undefined || isSaid === true) return undefined;
  const condition = {
    type: 'Available',
    status: 'True',
    reason: 'Local',
    message: 'Local APIServices are always available',
    lastTransitionTime: now,
  };
  return { conditions: [...(status?.conditions ?? []).filter((one) => one.type !== 'Available'), condition] };
}
