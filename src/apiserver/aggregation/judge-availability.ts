// What can be said of an APIService's availability without asking the server behind it: pure. Reasons and texts of upstream's
// availability controllers.
import type { APIService, APIServiceCondition, EndpointSlice, Service } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import type { RemoteApiService } from './api-services.ts';

export type Told = Pick<APIServiceCondition, 'status' | 'reason' | 'message'>;

export const passed: Told = { status: 'True', reason: 'Passed', message: 'all checks passed' };
export const failedCheck = (message: string): Told => ({ status: 'False', reason: 'FailedDiscoveryCheck', message });

const isReady = (slice: EndpointSlice): boolean =>
  slice.endpoints?.some((one) => one.conditions?.ready !== false) === true;

/** Undefined: nothing against it, ask. */
export function judgeAvailability(
  { service: wanted }: RemoteApiService,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): Told | undefined {
  const name = `service/${wanted.name} in ${JSON.stringify(wanted.namespace)}`;
  const not = (reason: string, message: string): Told => ({ status: 'False', reason, message });
  if (service === undefined) return not('ServiceNotFound', `${name} is not present`);
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const port = service.spec?.ports?.find((one) => one.port === wanted.port);
  if (port === undefined) return not('ServicePortError', `${name} is not listening on port ${wanted.port}`);
  if (slices.length === 0) return not('EndpointsNotFound', `cannot find endpointslices for ${name}`);
  const portName = port.name ?? '';
  const hasPort = (slice: EndpointSlice) =>
    slice.ports?.some((one) => (one.name ?? '') === portName && (one.port ?? undefined) !== undefined) === true;
  return slices.some((slice) => isReady(slice) && hasPort(slice))
    ? undefined
    : not(
        'MissingEndpoints',
        `endpointslices for ${name} have no addresses with port name ${JSON.stringify(portName)}`,
      );
}

/** The status that says it; undefined: it does so already. The time moves when the condition's status does. */
export function statusWith({ status }: APIService, told: Told, now: number): APIService['status'] | undefined {
  const conditions = status?.conditions ?? [];
  const known = conditions.find((one) => one.type === 'Available');
  if (known?.status === told.status && known.reason === told.reason && known.message === told.message) return undefined;
  const lastTransitionTime = known?.status === told.status ? known.lastTransitionTime : formatTime(now);
  const next: APIServiceCondition = { type: 'Available', ...told, lastTransitionTime };
  return {
    ...status,
    conditions: known === undefined ? [...conditions, next] : conditions.map((one) => (one === known ? next : one)),
  };
}
