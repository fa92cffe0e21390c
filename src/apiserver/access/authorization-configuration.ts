// AuthorizationConfiguration of apiserver.config.k8s.io: who is asked whether something is allowed, in which order. Rules and
// texts of upstream's pkg/apis/apiserver/validation.
import type { Program } from '#api/cel/cel.ts';
import { dns1123Subdomain } from '#api/meta/names.ts';
import { messageOf } from '#base/errors.ts';
import { checkHeader } from './authentication-configuration.ts';
import { expressionsOver, isTrue, requestType } from './expressions.ts';
import type { WebhookEndpoint } from './kubeconfig.ts';
import { durationMs, Reading, type Fields } from './reading.ts';

export interface WebhookAuthorization {
  readonly name: string;
  readonly endpoint: WebhookEndpoint;
  readonly timeoutMs: number;
  readonly version: string;
  readonly deniesOnFailure: boolean;
  /** 0: not kept. */
  readonly authorizedMs: number;
  readonly unauthorizedMs: number;
  readonly matchConditions: readonly Program[];
}
export type AuthorizerChoice =
  | { readonly type: 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny'; readonly name: string }
  | { readonly type: 'Webhook'; readonly name: string; readonly webhook: WebhookAuthorization };
export interface AuthorizationConfiguration {
  readonly authorizers: readonly AuthorizerChoice[];
}

const knownTypes = ['Node', 'RBAC', 'Webhook', 'AlwaysAllow', 'AlwaysDeny'] as const;
const shownTypes = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];
const conditionsMax = 64;
const timeoutMsMax = 30_000;

/** Throws ConfigurationProblems. `endpointOf` reads a kubeconfig file, by its path. */
export async function readAuthorization(
  value: unknown,
  endpointOf: (file: string) => Promise<WebhookEndpoint>,
): Promise<AuthorizationConfiguration> {
  const reading = new Reading();
  const root = reading.object(value ?? {}, '');
  if (root === undefined) throw reading.end();
  checkHeader(root, reading, 'AuthorizationConfiguration');
  const entries = root.objects('authorizers');
  if (entries.length === 0) reading.required('authorizers', 'at least one authorization mode must be defined');
  const authorizers: AuthorizerChoice[] = [];
  const names = new Set<string>();
  const types = new Set<string>();
  for (const one of entries) {
    const type = one.text('type');
    const name = one.text('name');
    const webhook = one.object('webhook');
    if (type === '') reading.required(one.at('type'));
    else if (!knownTypes.some((known) => known === type)) reading.notSupported(one.at('type'), type, shownTypes);
    else if (types.has(type) && type !== 'Webhook') reading.duplicate(one.at('type'), type);
    types.add(type);
    if (name === '') reading.required(one.at('name'));
    else if (names.has(name)) reading.duplicate(one.at('name'), name);
    else if (dns1123Subdomain(name).length > 0)
      reading.invalid(one.at('name'), name, `authorizer name is invalid: ${dns1123Subdomain(name).join(', ')}`);
    names.add(name);
    if (type === 'Webhook') {
      if (webhook === undefined) reading.required(one.at('webhook'), 'required when type=Webhook');
      else {
        const read = await readWebhook(webhook, name, one.path, reading, endpointOf);
        if (read !== undefined) authorizers.push({ type, name, webhook: read });
      }
    } else {
      if (webhook !== undefined)
        reading.invalid(one.at('webhook'), 'non-null', 'may only be specified when type=Webhook');
      authorizers.push({ type: type as 'RBAC', name });
    }
  }
  reading.end();
  return { authorizers };
}

async function readWebhook(
  fields: Fields,
  name: string,
  path: string,
  reading: Reading,
  endpointOf: (file: string) => Promise<WebhookEndpoint>,
): Promise<WebhookAuthorization | undefined> {
  const timeoutMs = readDuration(fields, 'timeout', undefined, path, reading);
  if (timeoutMs > timeoutMsMax) reading.invalid(`${path}.timeout`, fields.text('timeout'), 'must be > 0s and <= 30s');
  const authorizedMs = readDuration(fields, 'authorizedTTL', 300_000, path, reading);
  const unauthorizedMs = readDuration(fields, 'unauthorizedTTL', 30_000, path, reading);
  const keepsAuthorized = fields.truth('cacheAuthorizedRequests') ?? true;
  const keepsUnauthorized = fields.truth('cacheUnauthorizedRequests') ?? true;
  const version = oneOf(fields, 'subjectAccessReviewVersion', ['v1', 'v1beta1'], path, reading);
  const failurePolicy = oneOf(fields, 'failurePolicy', ['NoOpinion', 'Deny'], path, reading);
  const endpoint = await readConnection(fields.object('connectionInfo'), `${path}.connectionInfo`, reading, endpointOf);
  const conditions = fields.objects('matchConditions').map((one) => one.text('expression'));
  const conditionVersion = fields.text('matchConditionSubjectAccessReviewVersion');
  const versionPath = `${path}.matchConditionSubjectAccessReviewVersion`;
  if (conditionVersion === '' && conditions.length > 0)
    reading.required(versionPath, 'required if match conditions are specified');
  else if (conditionVersion !== '' && conditionVersion !== 'v1')
    reading.notSupported(versionPath, conditionVersion, ['v1']);
  const matchConditions = await readConditions(conditions, `${path}.matchConditions`, reading);
  return endpoint === undefined
    ? undefined
    : {
        name,
        endpoint,
        timeoutMs,
        version,
        deniesOnFailure: failurePolicy === 'Deny',
        authorizedMs: keepsAuthorized ? authorizedMs : 0,
        unauthorizedMs: keepsUnauthorized ? unauthorizedMs : 0,
        matchConditions,
      };
}

async function readConditions(conditions: readonly string[], path: string, reading: Reading): Promise<Program[]> {
  if (conditions.length === 0) return [];
  if (conditions.length > conditionsMax) {
    reading.problem(path, `Too many: ${conditions.length}: must have at most ${conditionsMax} items`);
    return [];
  }
  const known = await expressionsOver({ request: requestType }, reading);
  return conditions.flatMap((text, index) => {
    const at = `${path}[${index}].expression`;
    if (text.trim() === '') reading.required(at);
    else if (conditions.indexOf(text) < index) reading.duplicate(at, text);
    else return known.compile(text, at, isTrue) ?? [];
    return [];
  });
}

async function readConnection(
  fields: Fields | undefined,
  path: string,
  reading: Reading,
  endpointOf: (file: string) => Promise<WebhookEndpoint>,
): Promise<WebhookEndpoint | undefined> {
  const type = fields?.text('type') ?? '';
  const file = fields?.text('kubeConfigFile') ?? '';
  if (type === '') reading.required(`${path}.type`);
  else if (type === 'InClusterConfig')
    reading.invalid(`${path}.type`, type, 'this API server runs in no Pod: give a kubeconfig file');
  else if (type !== 'KubeConfigFile') reading.notSupported(`${path}.type`, type, ['InClusterConfig', 'KubeConfigFile']);
  else if (file === '') reading.required(`${path}.kubeConfigFile`);
  else if (!file.startsWith('/')) reading.invalid(`${path}.kubeConfigFile`, file, 'must be an absolute path');
  else
    try {
      return await endpointOf(file);
    } catch (error) {
      reading.invalid(`${path}.kubeConfigFile`, file, `error loading file: ${messageOf(error)}`);
    }
  return undefined;
}

function oneOf(fields: Fields, name: string, values: readonly string[], path: string, reading: Reading): string {
  const value = fields.text(name);
  if (value === '') reading.required(`${path}.${name}`);
  else if (!values.includes(value)) reading.notSupported(`${path}.${name}`, value, values);
  return value;
}

function readDuration(
  fields: Fields,
  name: string,
  fallback: number | undefined,
  path: string,
  reading: Reading,
): number {
  const text = fields.text(name);
  const value = text === '' ? (fallback ?? 0) : durationMs(text);
  if (value === undefined) reading.invalid(`${path}.${name}`, text, 'must be a duration, such as 3s');
  else if (value === 0) reading.required(`${path}.${name}`);
  else if (value < 0) reading.invalid(`${path}.${name}`, text, 'must be > 0s');
  return value ?? 0;
}
