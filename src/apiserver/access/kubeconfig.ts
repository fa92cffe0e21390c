// Whom to call, as a kubeconfig file says it for webhooks: the server and the credentials of its current context.
import type { OutgoingTarget } from '../ports.ts';
import { Reading, type Fields } from './reading.ts';

export interface WebhookEndpoint {
  readonly target: OutgoingTarget;
  readonly path: string;
  /** As errors show it. */
  readonly url: string;
  readonly authorization: string | undefined;
}
export type ReadFile = (path: string) => Promise<string>;

/** Throws ConfigurationProblems, and what `readFile` throws. */
export async function readWebhookKubeconfig(value: unknown, readFile: ReadFile): Promise<WebhookEndpoint> {
  const reading = new Reading();
  const root = reading.object(value ?? {}, '');
  if (root === undefined) throw reading.end();
  for (const known of ['kind', 'apiVersion', 'preferences', 'extensions']) root.has(known);
  const named = (list: string, part: string, name: string): Fields | undefined => {
    let found: Fields | undefined;
    for (const one of root.objects(list)) {
      const inner = one.object(part);
      if (one.text('name') === name) found = inner;
    }
    return found;
  };
  const context = named('contexts', 'context', root.text('current-context'));
  if (context === undefined) reading.required('current-context', 'the name of a context of the file');
  const cluster = named('clusters', 'cluster', context?.text('cluster') ?? '');
  if (context !== undefined && cluster === undefined) reading.required('clusters', "the context's cluster");
  const user = named('users', 'user', context?.text('user') ?? '');
  if (cluster === undefined) throw endOf(reading);

  const url = cluster.text('server');
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['https:', 'http:'].includes(parsed.protocol))
    reading.invalid(cluster.at('server'), url, 'must be a URL of https');
  const dataOrFile = async (fields: Fields | undefined, name: string): Promise<string | undefined> => {
    const data = fields?.text(`${name}-data`) ?? '';
    if (data !== '') return Buffer.from(data, 'base64').toString('utf8');
    const file = fields?.text(name) ?? '';
    return file === '' ? undefined : readFile(file);
  };
  const authorities = await dataOrFile(cluster, 'certificate-authority');
  const certificate = await dataOrFile(user, 'client-certificate');
  const key = await dataOrFile(user, 'client-key');
  const serverName = cluster.text('tls-server-name');
  const insecureSkipVerify = cluster.truth('insecure-skip-tls-verify');
  const authorization = await authorizationOf(user, readFile);
  if (cluster.has('proxy-url')) reading.problem(cluster.at('proxy-url'), 'proxies are not supported');
  for (const other of ['disable-compression', 'extensions']) cluster.has(other);
  for (const other of ['exec', 'auth-provider', 'as', 'as-uid', 'as-groups', 'as-user-extra'])
    if (user?.has(other) === true) reading.problem(user.at(other), 'is not supported: give a token or a certificate');
  for (const other of ['namespace', 'extensions']) context?.has(other);
  reading.end();
  const { protocol, hostname, port, pathname } = parsed!;
  const secure = protocol === 'https:';
  return {
    url,
    path: pathname,
    authorization,
    target: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 443 : 80) : Number(port),
      secure,
      ...(serverName === '' ? {} : { serverName }),
      ...(authorities === undefined ? {} : { authorities }),
      ...(insecureSkipVerify === true ? { insecureSkipVerify } : {}),
      ...(certificate === undefined ? {} : { certificate }),
      ...(key === undefined ? {} : { key }),
    },
  };
}

function endOf(reading: Reading): Error {
  try {
    reading.end();
  } catch (error) {
    return error as Error;
  }
  return new Error('the file names no cluster');
}

async function authorizationOf(user: Fields | undefined, readFile: ReadFile): Promise<string | undefined> {
  if (user === undefined) return undefined;
  const name = user.text('username');
  const password = user.text('password');
  const token = user.text('token');
  const file = user.text('tokenFile');
  user.has('extensions');
  if (file !== '') return `Bearer ${(await readFile(file)).trim()}`;
  if (token !== '') return `Bearer ${token}`;
  return name === '' ? undefined : `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}
