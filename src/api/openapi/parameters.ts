// The parameters of requests, with upstream's descriptions.
import texts from '../generated/parameter-descriptions.json' with { type: 'json' };

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
}

const descriptions: Readonly<Record<string, string>> = texts;

const query = (names: string, type: Parameter['type'], owner = ''): readonly Parameter[] =>
  names.split(' ').map((name) => ({
    name,
    in: 'query',
    type,
    description: descriptions[`${owner}${name}`] ?? descriptions[name]!,
  }));

export const nameParameter = (kind: string): Parameter => ({
  name: 'name',
  in: 'path',
  type: 'string',
  description: `name of the ${kind}`,
});
const inPath = (name: string): Parameter => ({ name, in: 'path', type: 'string', description: descriptions[name]! });
export const namespaceParameter: Parameter = inPath('namespace');
/** Below a proxy. */
export const pathParameter: Parameter = inPath('path');

export const pretty: readonly Parameter[] = query('pretty', 'string');
export const readParameters: readonly Parameter[] = query('resourceVersion', 'string');
export const writeParameters: readonly Parameter[] = query('dryRun fieldManager fieldValidation', 'string');
export const patchParameters: readonly Parameter[] = [
  ...query('dryRun fieldManager fieldValidation', 'string', 'patch.'),
  ...query('force', 'boolean'),
];
export const deleteParameters: readonly Parameter[] = [
  ...query('dryRun propagationPolicy', 'string'),
  ...query('gracePeriodSeconds', 'integer'),
  ...query('ignoreStoreReadErrorWithClusterBreakingPotential orphanDependents', 'boolean'),
];
export const selectionParameters: readonly Parameter[] = [
  ...query('continue fieldSelector labelSelector resourceVersion resourceVersionMatch shardSelector', 'string'),
  ...query('limit timeoutSeconds', 'integer'),
  ...query('sendInitialEvents', 'boolean'),
];
export const listParameters: readonly Parameter[] = [
  ...selectionParameters,
  ...query('allowWatchBookmarks watch', 'boolean'),
];

const ofStreams = (owner: string): readonly Parameter[] => [
  ...query('container', 'string', owner),
  ...query('stderr stdin stdout tty', 'boolean', owner),
];
/** By the kind that says how to connect. */
export const connectionParameters: Readonly<Record<string, readonly Parameter[]>> = {
  PodAttachOptions: ofStreams('PodAttachOptions.'),
  PodExecOptions: [...query('command', 'string', 'PodExecOptions.'), ...ofStreams('PodExecOptions.')],
  PodPortForwardOptions: query('ports', 'integer', 'PodPortForwardOptions.'),
  PodProxyOptions: query('path', 'string', 'PodProxyOptions.'),
  ServiceProxyOptions: query('path', 'string', 'ServiceProxyOptions.'),
  NodeProxyOptions: query('path', 'string', 'NodeProxyOptions.'),
};
export const logParameters: readonly Parameter[] = [
  ...query('container stream', 'string', 'PodLogOptions.'),
  ...query('limitBytes sinceSeconds tailLines', 'integer', 'PodLogOptions.'),
  ...query('follow insecureSkipTLSVerifyBackend previous timestamps', 'boolean', 'PodLogOptions.'),
];
