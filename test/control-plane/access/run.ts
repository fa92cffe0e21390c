// Makes the objects, asks the cases, and gives the answers in a form that does not depend on names and times that a server makes up.
import { cases, type Case } from './cases.ts';
import { namespace, objects } from './objects.ts';

export interface Sent {
  readonly method: string;
  readonly path: string;
  /** Undefined: an administrator. */
  readonly token: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: unknown;
}
export interface Received {
  readonly code: number;
  readonly body: unknown;
}
export type Send = (sent: Sent) => Promise<Received>;

const made = new Set(['uid', 'creationTimestamp', 'resourceVersion', 'managedFields', 'expirationTimestamp']);

export function normal(value: unknown): unknown {
  if (typeof value === 'string')
    return value
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>')
      .replaceAll(/"managedFields":\[.*?\]\}\]|,"managedFields":\[.*\]/g, '')
      .replaceAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>');
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => !made.has(name));
  return Object.fromEntries(entries.map(([name, inner]) => [name, normal(inner)]));
}

async function tokenOf(send: Send, account: string, audience?: string): Promise<string> {
  const { body } = await send({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    token: undefined,
    headers: {},
    body: {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      spec: audience === undefined ? {} : { audiences: [audience] },
    },
  });
  return (body as { status: { token: string } }).status.token;
}

/** `passed` may wait until what was made is known everywhere. */
export async function answers(send: Send, passed: () => Promise<void>): Promise<Record<string, Received>> {
  for (const { path, object } of objects) {
    const { code, body } = await send({ method: 'POST', path, token: undefined, headers: {}, body: object });
    if (code >= 300 && code !== 409) throw new Error(`${path}: ${code} ${JSON.stringify(body)}`);
  }
  const tokens = new Map<string, string>();
  for (const [, name = '', audience] of JSON.stringify(cases).matchAll(/\$token\(([^,)]+)(?:,([^)]+))?\)/g))
    tokens.set(`${name},${audience ?? ''}`, await tokenOf(send, name, audience));
  for (const one of cases)
    if (one.as !== undefined && 'account' in one.as && !tokens.has(`${one.as.account},`))
      tokens.set(`${one.as.account},`, await tokenOf(send, one.as.account));
  await send({
    method: 'DELETE',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/doomed`,
    token: undefined,
    headers: {},
    body: undefined,
  });
  await passed();
  const result: Record<string, Received> = {};
  for (const one of cases) {
    const { code, body } = await send(sentOf(one, tokens));
    if (one.name in result) throw new Error(`two cases are called ${one.name}`);
    result[one.name] = { code, body: normal(body) };
  }
  return result;
}

function sentOf(one: Case, tokens: ReadonlyMap<string, string>): Sent {
  const filled = JSON.parse(
    JSON.stringify({ headers: one.headers ?? {}, body: one.body ?? null }).replaceAll(
      /\$token\(([^,)]+)(?:,([^)]+))?\)/g,
      (_, name: string, audience?: string) => tokens.get(`${name},${audience ?? ''}`) ?? '',
    ),
  ) as { headers: Sent['headers']; body: unknown };
  const { as } = one;
  const asUser = as !== undefined && 'user' in as;
  return {
    method: one.method,
    path: one.path,
    token: as === undefined || asUser ? undefined : tokens.get(`${as.account},`),
    headers: {
      ...filled.headers,
      ...(asUser ? { 'impersonate-user': as.user } : {}),
      ...(asUser && as.groups !== undefined ? { 'impersonate-group': as.groups } : {}),
    },
    body: filled.body ?? undefined,
  };
}
