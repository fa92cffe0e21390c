// What requests that go on to a node's agent share: which container, and the way there.
import type { Pod } from '#api/generated/types.ts';
import { badRequestError, serviceUnavailableError } from '#api/status.ts';
import type { RequestContext } from '../context.ts';
import type { NodeConnector } from '../ports.ts';

export function nodesOf(context: RequestContext): NodeConnector {
  const { nodes } = context.server.options;
  if (nodes === undefined) throw serviceUnavailableError('this API server has no connection to nodes');
  return nodes;
}

/** Upstream's choice and texts when the request names no container, or one that is not there. */
export function containerOf(pod: Pod, asked: string, verbObject: 'pod' | 'exec'): string {
  const { spec } = pod;
  const containers = (spec?.containers ?? []).map((one) => one.name);
  const init = (spec?.initContainers ?? []).map((one) => one.name);
  const ephemeral = (spec?.ephemeralContainers ?? []).map((one) => one.name);
  const name = pod.metadata.name ?? '';
  if (asked === '') {
    const preferred = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
    if (verbObject === 'exec' && preferred !== undefined && containers.includes(preferred)) return preferred;
    if (containers.length === 1) return containers[0]!;
    if (containers.length === 0) throw badRequestError(`a container name must be specified for pod ${name}`);
    const initText = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '';
    throw badRequestError(
      `a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]${initText}`,
    );
  }
  if (![...containers, ...init, ...ephemeral].includes(asked))
    throw badRequestError(`container ${asked} is not valid for pod ${name}`);
  return asked;
}
