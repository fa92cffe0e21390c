// The two ends of the differential test: an API server behind HTTPS, and the project's own in this process, without its
// controllers. Both take a step and give the answer as it came.
import https from 'node:https';
import { buffer } from 'node:stream/consumers';
import rbacFacts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import openshiftFacts from '#api/facts/rbac-openshift.json' with { type: 'json' };
import { bootstrapRbac, rbacGroups, type RbacFacts } from '#assembly/bootstrap-rbac.ts';
import { everythingOn } from '#kit/everything-on.ts';
import { systemClock } from '#base/clock.ts';
import { pathOf, startApiServer, type Json } from '#kit/start-api-server.ts';
import { actsLater } from './controllers-work.ts';
import { isMade, type Known, type Step } from './step.ts';

export interface RawAnswer {
  readonly code: number;
  readonly contentType: string;
  readonly warnings: readonly string[];
  readonly text: string;
  /** Of watches. */
  readonly events?: readonly Json[] | undefined;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly watches: boolean;
}

export interface ServerUnderTest extends AsyncDisposable {
  readonly name: string;
  send(request: Request): Promise<RawAnswer>;
}

export function requestOf(step: Step, known: Known): Request {
  const body = isMade(step.body) ? step.body(known) : step.body;
  const bytes =
    body === undefined || body instanceof Uint8Array
      ? body
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const contentType = step.contentType ?? (bytes === undefined ? undefined : 'application/json');
  return {
    method: step.method,
    path: typeof step.path === 'function' ? step.path(known) : step.path,
    headers: {
      accept: step.accept ?? 'application/json',
      'user-agent': 'differential/1',
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
    body: bytes,
    watches: step.watches ?? false,
  };
}

const eventsOf = (text: string): Json[] =>
  text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Json);

/** Warnings as the header has them, `299 - "text", 299 - "text"`, to their texts. */
const warningTexts = (values: readonly string[]): string[] =>
  values
    .flatMap((value) => [...value.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)])
    .map((match) => Buffer.from(match[1]!.replaceAll(/\\(.)/g, '$1'), 'latin1').toString('utf8'));

/** How long a remote watch may say nothing before its events are taken for complete. */
const quietMs = 150;

export function remoteServer(name: string, url: string, token: string): ServerUnderTest {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 32, rejectUnauthorized: false });
  const base = new URL(url);
  const attempt = (request: Request): Promise<RawAnswer> =>
    new Promise((resolve, reject) => {
      const outgoing = https.request(
        {
          agent: request.watches ? undefined : agent,
          rejectUnauthorized: false,
          host: base.hostname,
          port: base.port,
          method: request.method,
          path: request.path,
          headers: {
            ...request.headers,
            authorization: `Bearer ${token}`,
            ...(request.body === undefined ? {} : { 'content-length': String(request.body.length) }),
          },
          timeout: 40_000,
        },
        (incoming) => {
          const answer = {
            code: incoming.statusCode ?? 0,
            contentType: incoming.headers['content-type'] ?? '',
            warnings: warningTexts(incoming.headersDistinct['warning'] ?? []),
          };
          if (!request.watches || answer.code !== 200) {
            buffer(incoming).then((bytes) => resolve({ ...answer, text: bytes.toString('utf8') }), reject);
            return;
          }
          let text = '';
          let quiet: NodeJS.Timeout | undefined;
          const done = (): void => {
            clearTimeout(quiet);
            resolve({ ...answer, text: '', events: eventsOf(text) });
            outgoing.destroy();
          };
          const wait = (): void => {
            clearTimeout(quiet);
            quiet = setTimeout(done, quietMs);
          };
          incoming.on('data', (chunk: Buffer) => {
            text += chunk.toString('utf8');
            wait();
          });
          incoming.on('end', done);
          incoming.on('error', done);
          wait();
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 40 s')));
      outgoing.on('error', reject);
      outgoing.end(request.body);
    });
  return {
    name,
    // A kept connection may end while a request is on its way into it; one that ends twice is what the server answers.
    async send(request) {
      const answer = await attempt(request)
        .catch(() => attempt(request))
        .catch((error: Error) => ({ code: 0, contentType: '', warnings: [], text: error.message }));
      const waitMs = actsLater(request.method, request.path);
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      return answer;
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
    },
  };
}

/** The identity that the token of a peer stands for, so that authorization decides the same. */
const tester = {
  uid: '00000000-0000-4000-8000-000000000001',
  extra: { 'authentication.kubernetes.io/credential-id': ['JTI=00000000-0000-4000-8000-000000000002'] },
  name: 'system:serviceaccount:kube-system:bench',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
};

/** A peer knows nothing of the rights that OpenShift gives to everybody. */
const ofOpenshift = new Set(openshiftFacts.clusterRoleBindings.map((one) => one.name));

/** Of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** `unfinished`: with all versions, and all gates of features that are not finished. */
export async function ownServer(unfinished = false): Promise<ServerUnderTest> {
  const api = await startApiServer({
    clock: systemClock,
    serviceCidrs: ['10.96.0.0/16'],
    publishesServiceCa: true,
    ...(unfinished ? everythingOn() : {}),
  });
  for (const { kind, objects } of rbacGroups(bootstrapRbac(rbacFacts as unknown as RbacFacts)))
    for (const object of objects.filter(
      (one) => !one.metadata.namespace?.startsWith('openshift-') && !ofOpenshift.has(one.metadata.name!),
    ))
      await api.create(pathOf(kind, (object as Json).metadata.namespace), {
        ...object,
        apiVersion: `${kind.group}/${kind.version}`,
        kind: kind.kind,
      });
  await api.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'bench' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'bench', namespace: 'kube-system' }],
  });
  return {
    name: 'own',
    async send(request) {
      const options = { as: tester, headers: request.headers, ...(request.body ? { bytes: request.body } : {}) };
      if (request.watches) {
        const response = await api.handle(request.method, request.path, options);
        const { status: code, warnings, body } = response;
        if (body.type === 'watch') {
          let text = '';
          const opened = body.open({
            onEvent: (event) => void (text += Buffer.from(event.bytes()).toString('utf8')),
            onEnd: () => {},
          });
          await turns(3);
          opened[Symbol.dispose]();
          return { code, contentType: body.contentType, warnings, text: '', events: eventsOf(text) };
        }
      }
      const answer = await api.send(request.method, request.path, options);
      if (actsLater(request.method, request.path) > 0) await turns(8);
      return { code: answer.status, contentType: answer.contentType, warnings: answer.warnings, text: answer.text };
    },
    async [Symbol.asyncDispose]() {
      api.close();
    },
  };
}
