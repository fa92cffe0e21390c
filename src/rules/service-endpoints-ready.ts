// Which endpoints get a Service's traffic: the ready ones; when there is none, those that are ending but still serve
// (KEP-1669), so that the last Pod's connections are not cut.
import type { Endpoint } from '#api/generated/types.ts';

export const endpointIsReady = ({ conditions }: Endpoint): boolean => conditions?.ready !== false;
export const endpointIsServing = ({ conditions }: Endpoint): boolean =>
  conditions?.serving ?? conditions?.ready !== false;
export const endpointIsTerminating = ({ conditions }: Endpoint): boolean => conditions?.terminating === true;

export function usableEndpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter(endpointIsReady);
  return ready.length > 0 ? ready : endpoints.filter((one) => endpointIsServing(one) && endpointIsTerminating(one));
}
