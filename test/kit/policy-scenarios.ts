// Admission policies and requests that they are about, with what upstream answered: sent to the real API server, one scenario
// after the other, and compared.
import assert from 'node:assert/strict';
import { startApiServer, type Answer, type TestApiServer } from './start-api-server.ts';

export interface Scenario {
  readonly name: string;
  readonly policies: readonly {
    /** Over: ConfigMaps, created and updated. */
    readonly rules?: object;
    readonly constraints?: object;
    readonly spec: object;
    readonly binding?: object;
  }[];
  readonly requests: readonly {
    readonly method: string;
    /** NS is the namespace of the scenario. */
    readonly path: string;
    readonly body?: object;
    readonly contentType?: string;
    readonly expected: Expected;
  }[];
}
interface Expected {
  readonly status: number;
  readonly warnings?: readonly string[];
  readonly message?: string;
  readonly reason?: string;
  readonly data?: object;
  readonly labels?: object;
  readonly annotations?: object;
  /** The parts of a Deployment that policies of the scenarios change. */
  readonly spec?: object;
}

const group = '/apis/admissionregistration.k8s.io/v1';
const namespace = 'policies-sc';
const ofNamespace = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] };

async function prepare(): Promise<TestApiServer> {
  const api = await startApiServer();
  await api.create('/api/v1/namespaces', { metadata: { name: namespace, labels: { tier: 'gold' } } });
  const core = `/api/v1/namespaces/${namespace}`;
  await api.create(`${core}/serviceaccounts`, { metadata: { name: 'default' } });
  for (const [name, max] of [
    ['params-a', '3'],
    ['params-b', '5'],
  ])
    await api.create(`${core}/configmaps`, { metadata: { name, labels: { use: 'params' } }, data: { max } });
  return api;
}

interface Container {
  readonly [field: string]: unknown;
}
/** As the answers were recorded. */
function found(answer: Answer): Expected {
  const { status, json } = answer;
  if (json.kind === 'Status' && status >= 400) return { status, message: json.message, reason: json.reason };
  const template = json.spec?.template?.spec;
  const spec = template && {
    replicas: json.spec.replicas,
    c: template.containers.map(({ name, image, env, ports, args, resources }: Container) => ({
      name,
      image,
      env,
      ports,
      args,
      resources,
    })),
    strategy: json.spec.strategy,
  };
  const { labels, annotations } = json.metadata ?? {};
  return JSON.parse(JSON.stringify({ status, data: json.data, labels, annotations, spec })) as Expected;
}

export async function checkScenarios(what: 'validating' | 'mutating', scenarios: readonly Scenario[]): Promise<void> {
  const api = await prepare();
  const policiesPath = `${group}/${what}admissionpolicies`;
  for (const { name, policies, requests } of scenarios) {
    for (const [index, one] of policies.entries()) {
      const matchConstraints = { namespaceSelector: ofNamespace, resourceRules: [{ ...rule, ...one.rules }] };
      const spec = {
        matchConstraints: { ...matchConstraints, ...one.constraints },
        ...(what === 'mutating' ? { reinvocationPolicy: 'Never' } : {}),
        ...one.spec,
      };
      const binding = {
        policyName: `p${index}`,
        ...(what === 'validating' ? { validationActions: ['Deny'] } : {}),
        ...one.binding,
      };
      await api.create(policiesPath, { metadata: { name: `p${index}` }, spec });
      await api.create(`${group}/${what}admissionpolicybindings`, { metadata: { name: `p${index}-b` }, spec: binding });
    }
    for (const { method, path, body, contentType, expected } of requests) {
      const url = path.replaceAll('NS', namespace);
      const answer = await api.send(method, `${url}${url.includes('?') ? '&' : '?'}dryRun=All`, { body, contentType });
      const { warnings = [], ...rest } = expected;
      const generated = /\bg-[a-z0-9]{5}\b/g;
      const { message, ...more } = found(answer);
      const told = message === undefined ? more : { ...more, message: message.replaceAll(generated, 'g-XXXXX') };
      if (what === 'validating' && message === undefined) assert.equal(answer.status, expected.status, name);
      else assert.deepEqual(told, rest, name);
      assert.deepEqual(answer.warnings, warnings, name);
    }
    for (const index of policies.keys()) {
      await api.delete(`${group}/${what}admissionpolicybindings/p${index}-b`);
      await api.delete(`${policiesPath}/p${index}`);
    }
  }
}
