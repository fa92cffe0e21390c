// The query options of requests (CreateOptions, ListOptions, ...), parsed once and refused as upstream refuses them.
import { forbidden, notSupported } from '#api/field-error.ts';
import type { FieldError } from '#api/field-error.ts';
import { validateFieldManager } from '#api/meta/object-meta.ts';
import { messageOf } from '#base/errors.ts';
import { flatText } from '#base/flat-text.ts';
import { ApiError, badRequestError, invalidError } from '#api/status.ts';
import type { ApiRequest } from '#api/request.ts';

const metaGroup = 'meta.k8s.io';
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteOptions {
  readonly dryRun: boolean;
  /** Named by the client; '' when it named none. */
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
}

const fieldManagerBytesMax = 128;

export function checkDryRun(values: readonly string[], errors: FieldError[]): void {
  if (values.some((value) => value !== 'All')) errors.push(notSupported('dryRun', values, ['All']));
}

export function writeOptions(
  request: ApiRequest,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
): WriteOptions {
  const { query } = request;
  if (query.size === 0) return { dryRun: false, fieldManager: '', fieldValidation: 'Warn' };
  const errors: FieldError[] = [];
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  checkDryRun(dryRun, errors);
  const fieldManager = query.get('fieldManager') ?? '';
  errors.push(...validateFieldManager(fieldManager, 'fieldManager'));
  const fieldValidation = query.get('fieldValidation') ?? '';
  if (!['', 'Ignore', 'Warn', 'Strict'].includes(fieldValidation))
    errors.push(notSupported('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']));
  if (errors.length > 0) throw invalidError({ group: metaGroup, kind }, '', errors);
  return {
    dryRun: dryRun.length > 0,
    fieldManager,
    fieldValidation: fieldValidation === '' ? 'Warn' : (fieldValidation as FieldValidation),
  };
}

/** The manager's name in managedFields: what the client says, else the first word of its user agent. */
export const managerOf = (options: WriteOptions, request: ApiRequest): string =>
  options.fieldManager !== '' ? options.fieldManager : managerOfAgent(request.headers['user-agent'] ?? 'unknown');

const managersByAgent = new Map<string, string>();
const knownAgentsMax = 200;
const knownAgentLengthMax = 256;

function managerOfAgent(agent: string): string {
  let manager = managersByAgent.get(agent);
  if (manager === undefined) {
    manager = flatText(agent.split('/')[0]!.slice(0, fieldManagerBytesMax));
    if (managersByAgent.size >= knownAgentsMax) managersByAgent.clear();
    if (agent.length <= knownAgentLengthMax) managersByAgent.set(agent, manager);
  }
  return manager;
}

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continue: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: '' | 'Exact' | 'NotOlderThan';
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
}

const integer = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw badRequestError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
};
/** conversion.Convert_Slice_string_To_bool: anything but false and 0 is true, also an empty value. */
const boolean = (query: URLSearchParams, name: string): boolean | undefined => {
  const text = query.get(name);
  return text === null ? undefined : text !== 'false' && text !== '0';
};

export function listOptions(request: ApiRequest, isWatch: boolean): ListOptions {
  const { query } = request;
  const match = query.get('resourceVersionMatch') ?? '';
  const resourceVersion = query.get('resourceVersion') ?? '';
  const limit = integer(query, 'limit') ?? 0;
  const sendInitialEvents = boolean(query, 'sendInitialEvents');
  const allowWatchBookmarks = boolean(query, 'allowWatchBookmarks') ?? false;
  const continueToken = query.get('continue') ?? '';
  const errors: FieldError[] = [];
  if (isWatch) {
    if (sendInitialEvents !== undefined) {
      if (match !== 'NotOlderThan')
        errors.push(
          forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
        );
    } else if (match !== '')
      errors.push(
        forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        ),
      );
    if (match !== '' && match !== 'NotOlderThan')
      errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
    if (match !== '' && continueToken !== '')
      errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
  } else {
    if (match !== '') {
      if (resourceVersion === '')
        errors.push(
          forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
        );
      if (continueToken !== '')
        errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
      if (match !== 'Exact' && match !== 'NotOlderThan')
        errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
      if (match === 'Exact' && resourceVersion === '0')
        errors.push(
          forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
        );
    }
    if (sendInitialEvents !== undefined)
      errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  if (errors.length > 0) throw invalidError({ group: metaGroup, kind: 'ListOptions' }, '', errors);
  return {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: Math.max(0, limit),
    continue: continueToken,
    resourceVersion,
    resourceVersionMatch: match as ListOptions['resourceVersionMatch'],
    timeoutSeconds: integer(query, 'timeoutSeconds'),
    allowWatchBookmarks,
    sendInitialEvents,
  };
}

/** A resource version as the number that it is here; anything else is refused as upstream's versioner refuses it. */
export function parseResourceVersion(text: string): number {
  if (text === '') return 0;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new ApiError(
      500,
      '',
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return value;
}

/** The same in a list, whose storage words it once more. */
export function parseListVersion(text: string): number {
  try {
    return parseResourceVersion(text);
  } catch (error) {
    throw badRequestError(`invalid resource version: ${messageOf(error)}`);
  }
}
