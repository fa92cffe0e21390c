// Reads a kubeconfig into what the HTTPS client needs. Files that it names are read through the parameter.
import { messageOf, OperatorError } from '#base/errors.ts';
import type { HttpsCredentials, HttpsServer } from '#host/https-client.ts';

export interface KubeconfigOptions {
  /** The text of a file; paths in a kubeconfig are relative to its folder, which is the caller's to add. */
  readonly readFile: (path: string) => string;
  /** Absent: the current context. */
  readonly context?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const remedy = 'Correct the kubeconfig, or get a new one from the machine that runs the control plane.';
const problem = (text: string, cause?: unknown): OperatorError =>
  new OperatorError(`the kubeconfig cannot be used: ${text}`, remedy, cause === undefined ? undefined : { cause });

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
function textField(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw problem(`${name} is no text`);
  return value;
}

/** The entry `name` of one of the three lists; its content is below `inner`. */
function entryOf(config: Fields, list: string, inner: string, name: string): Fields {
  const entries = config[list];
  const entry: unknown = Array.isArray(entries)
    ? entries.find((one: unknown) => isFields(one) && one['name'] === name)
    : undefined;
  if (!isFields(entry)) throw problem(`there is no entry ${JSON.stringify(name)} in ${list}`);
  const content = entry[inner] ?? {};
  if (!isFields(content)) throw problem(`${inner} of ${JSON.stringify(name)} is no object`);
  return content;
}

/** Throws OperatorError. */
export async function parseKubeconfig(text: string, { readFile, context }: KubeconfigOptions): Promise<HttpsServer> {
  const { parse } = await import('yaml');
  let config: unknown;
  try {
    config = parse(text);
  } catch (error) {
    throw problem(messageOf(error), error);
  }
  if (!isFields(config)) throw problem('it holds no configuration');
  const contextName = context ?? textField(config, 'current-context');
  if (contextName === undefined) throw problem('it names no current-context');
  const chosen = entryOf(config, 'contexts', 'context', contextName);
  const cluster = entryOf(config, 'clusters', 'cluster', textField(chosen, 'cluster') ?? '');
  const user = entryOf(config, 'users', 'user', textField(chosen, 'user') ?? '');
  const server = textField(cluster, 'server');
  if (server === undefined || !URL.canParse(server)) throw problem('its cluster has no valid server address');
  if (textField(cluster, 'proxy-url') !== undefined) throw problem('proxy-url is not supported');
  for (const unsupported of ['exec', 'auth-provider', 'username', 'as'])
    if (user[unsupported] !== undefined)
      throw problem(`${unsupported} of a user is not supported: use a client certificate or a token`);

  /** Content of `name-data` (base64) or of the file `name`; data goes first, as in client-go. */
  const content = (fields: Fields, name: string): string | undefined => {
    const data = textField(fields, `${name}-data`);
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    const file = textField(fields, name);
    return file === undefined ? undefined : fileText(name, file);
  };
  const fileText = (name: string, file: string): string => {
    try {
      return readFile(file);
    } catch (error) {
      throw problem(`${name} cannot be read: ${messageOf(error)}`, error);
    }
  };
  const certificate = content(user, 'client-certificate');
  const key = content(user, 'client-key');
  if ((certificate === undefined) !== (key === undefined))
    throw problem('a user needs both client-certificate and client-key');
  const token = textField(user, 'token');
  const tokenFile = textField(user, 'tokenFile');
  // As in client-go: the file goes first, and is read again, because tokens in files are renewed.
  if (tokenFile !== undefined) fileText('tokenFile', tokenFile);
  const credentials = (): HttpsCredentials => ({
    certificate,
    key,
    token: tokenFile === undefined ? token : fileText('tokenFile', tokenFile).trim(),
  });
  return {
    server,
    certificateAuthority: content(cluster, 'certificate-authority'),
    serverName: textField(cluster, 'tls-server-name'),
    insecureSkipVerify: cluster['insecure-skip-tls-verify'] === true,
    credentials,
  };
}
