// Health for everybody on this machine and in its Pods, metrics for who may read them: as OpenShift's router on its port 1936.
import { SubjectAccessReviews, TokenReviews } from '#api/generated/kind-references.ts';
import type { Client } from '#client/client.ts';
import type { HttpAnswer, HttpQuestion } from '#host/http-server.ts';
import { verbOfMethod } from '#rules/verb-of-method.ts';

export interface HealthOptions {
  readonly client: Client;
  readonly routerName: string;
  /** Named checks of liveness and readiness: undefined, or why it is not so. */
  readonly live: () => Promise<readonly Check[]>;
  readonly ready: () => Promise<readonly Check[]>;
  readonly metrics: () => Promise<string>;
}
export interface Check {
  readonly name: string;
  readonly failure: string | undefined;
}

const plain = (status: number, body: string): HttpAnswer => ({ status, body });

export async function answerHealth(options: HealthOptions, question: HttpQuestion): Promise<HttpAnswer> {
  const { method, path } = question;
  if (path === '/healthz' || path === '/healthz/ready') {
    if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Method Not Allowed\n');
    return verdict(path === '/healthz' ? await options.live() : await options.ready());
  }
  if (path !== '/metrics') return plain(404, '404 page not found\n');
  const refusal = await refused(options, question);
  if (refusal !== undefined) return refusal;
  return { status: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body: await options.metrics() };
}

function verdict(checks: readonly Check[]): HttpAnswer {
  if (checks.every((one) => one.failure === undefined)) return plain(200, 'ok');
  const lines = checks.map(({ name, failure }) =>
    failure === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${failure}\n`,
  );
  return plain(500, `${lines.join('')}healthz check failed\n`);
}

/** A bearer token whose user may `get` routers/metrics. */
async function refused(
  { client, routerName }: HealthOptions,
  { method, headers }: HttpQuestion,
): Promise<HttpAnswer | undefined> {
  const unauthenticated = plain(401, 'Unable to authenticate due to an error\n');
  const header = headers['authorization'];
  const token = typeof header === 'string' ? /^Bearer (\S+)$/i.exec(header)?.[1] : undefined;
  if (token === undefined) return unauthenticated;
  const { status: authenticated } = await client.resource(TokenReviews).create({ metadata: {}, spec: { token } });
  const user = authenticated?.user;
  if (authenticated?.authenticated !== true || user === undefined) return unauthenticated;
  const { status: authorized } = await client.resource(SubjectAccessReviews).create({
    metadata: {},
    spec: {
      ...(user.username === undefined ? {} : { user: user.username }),
      ...(user.groups === undefined ? {} : { groups: user.groups }),
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      ...(user.extra === undefined ? {} : { extra: user.extra }),
      resourceAttributes: {
        group: 'route.openshift.io',
        resource: 'routers',
        subresource: 'metrics',
        name: routerName,
        verb: verbOfMethod(method) ?? '',
      },
    },
  });
  return authorized?.allowed === true ? undefined : plain(403, `Forbidden: ${authorized?.reason ?? ''}\n`);
}
