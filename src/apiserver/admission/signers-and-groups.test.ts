// Who may attest, sign and ask for certificates of Pods; groups of Pods that are scheduled together: upstream's words.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Identity } from '#api/request.ts';
import { everythingOn } from '#kit/everything-on.ts';
import { startApiServer, type Json } from '#kit/start-api-server.ts';

const certificates = '/apis/certificates.k8s.io/v1beta1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const writer: Identity = { name: 'writer', groups: ['system:authenticated'] };

/** Objects that upstream takes, from its recorded answers. */
const base = (file: string, name: string): Json =>
  JSON.parse(readFileSync(new URL(`../../../test/kinds/observed/${file}.json`, import.meta.url), 'utf8')).bases[name];

async function start(...rules: object[]) {
  const api = await startApiServer(everythingOn());
  await api.create('/api/v1/namespaces', { metadata: { name: 'gates' } });
  await api.create(`${rbac}/clusterroles`, { metadata: { name: 'writer' }, rules });
  await api.create(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'writer' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'writer' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: writer.name }],
  });
  const answer = async (as: Identity, method: string, path: string, body?: unknown, contentType?: string) => {
    const { status, json } = await api.send(method, path, { as, body, contentType });
    return status < 300 ? status : `${status} ${json.message}`;
  };
  const merge = (as: Identity, path: string, patch: object) =>
    answer(as, 'PATCH', path, patch, 'application/merge-patch+json');
  return { api, answer, merge };
}
const mayWrite = { apiGroups: ['certificates.k8s.io'], resources: ['clustertrustbundles'], verbs: ['*'] };

test('a bundle of a signer is written by who may attest for it; the garbage collector needs no right to that', async () => {
  const { api, answer, merge } = await start(mayWrite);
  const signed = base('certificates-v1beta1-clustertrustbundles', 'signed');
  const plain = base('certificates-v1beta1-clustertrustbundles', 'plain');
  const path = `${certificates}/clustertrustbundles`;
  const one = `${path}/${signed.metadata.name}`;
  const refused = `403 clustertrustbundles.certificates.k8s.io "${signed.metadata.name}" is forbidden: user not permitted to attest for signerName "gates.example.com/s"`;
  assert.equal(await answer(writer, 'POST', path, signed), refused);
  assert.equal(await answer(writer, 'POST', path, plain), 201, 'nobody signs for it');
  await api.create(path, signed);
  assert.equal(await merge(writer, one, { metadata: { labels: { a: 'b' } } }), refused);
  assert.equal(await merge(writer, one, { metadata: { finalizers: ['a.example.com/b'] } }), 200);
  const signers = { apiGroups: ['certificates.k8s.io'], resources: ['signers'], verbs: ['attest'] };
  await api.patch(`${rbac}/clusterroles/writer`, 'merge', {
    rules: [mayWrite, { ...signers, resourceNames: ['gates.example.com/*'] }],
  });
  assert.equal(await merge(writer, one, { metadata: { labels: { a: 'b' } } }), 200);
  api.close();
});

test('the outcome of a request for a Pod is written by who may sign for its signer', async () => {
  const resources = ['podcertificaterequests', 'podcertificaterequests/status'];
  const { api, merge } = await start({ apiGroups: ['certificates.k8s.io'], resources, verbs: ['*'] });
  const path = `${certificates}/namespaces/gates/podcertificaterequests`;
  await api.create(path, base('certificates-v1beta1-podcertificaterequests', 'plain'));
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const conditions = [{ type: 'Denied', status: 'True', reason: 'R', message: 'm', lastTransitionTime }];
  assert.equal(
    await merge(writer, `${path}/gates/status`, { status: { conditions } }),
    '422 PodCertificateRequest.certificates.k8s.io "gates" is invalid: spec.signerName: Forbidden: User "writer" is not permitted to "sign" for signer "gates.example.com/s"',
  );
  assert.equal(await merge(writer, `${path}/gates/status`, { metadata: { labels: { a: 'b' } } }), 200);
  const { status } = await api.patch(`${path}/gates/status`, 'merge', { status: { conditions } });
  assert.equal(status.conditions[0].type, 'Denied');
  api.close();
});

test('a node asks for Pods that run on it, and reads its own requests', async () => {
  const { api, answer } = await start();
  const node: Identity = { name: 'system:node:n', groups: ['system:nodes', 'system:authenticated'] };
  const path = `${certificates}/namespaces/gates/podcertificaterequests`;
  const pods = '/api/v1/namespaces/gates/pods';
  const { metadata: own } = await api.create('/api/v1/nodes', { metadata: { name: 'n' } });
  const { metadata: account } = await api.create('/api/v1/namespaces/gates/serviceaccounts', {
    metadata: { name: 'default' },
  });
  const spec = { serviceAccountName: 'default', containers: [{ name: 'c', image: 'i' }] };
  const { metadata: pod } = await api.create(pods, { metadata: { name: 'p' }, spec: { ...spec, nodeName: 'n' } });
  const { metadata: other } = await api.create(pods, { metadata: { name: 'q' }, spec: { ...spec, nodeName: 'm' } });
  const request = (name: string, changes: object = {}) => {
    const object = base('certificates-v1beta1-podcertificaterequests', 'plain');
    Object.assign(
      object.spec,
      { nodeName: 'n', nodeUID: own.uid, podUID: pod.uid, serviceAccountUID: account.uid },
      changes,
    );
    return { ...object, metadata: { name } };
  };
  const forbiddenText = '403 podcertificaterequests.certificates.k8s.io "a" is forbidden: ';
  assert.equal(
    await answer(node, 'POST', path, request('a', { nodeName: 'm' })),
    `${forbiddenText}PodCertificateRequest.Spec.NodeName="m", which is not the requesting node "n"`,
  );
  assert.equal(
    await answer(node, 'POST', path, request('a', { podName: 'q', podUID: other.uid })),
    `${forbiddenText}pod "gates/q" is not running on node "n" named in the PodCertificateRequest`,
  );
  // What a node may only not know yet is no refusal for good.
  assert.match(
    String(await answer(node, 'POST', path, request('a', { podName: 'none' }))),
    /^500 .*pod "none" not found/,
  );
  assert.match(String(await answer(node, 'POST', path, request('a', { nodeUID: 'u' }))), /^500 .*names node UID "u"/);
  assert.match(String(await answer(node, 'POST', path, request('a', { serviceAccountUID: 'u' }))), /^500 .*UID "u"/);
  assert.equal(await answer(node, 'POST', path, request('a')), 201);
  await api.create(path, request('b', { nodeName: 'm' }));
  assert.equal(await answer(node, 'GET', `${path}/a`), 200);
  assert.match(String(await answer(node, 'GET', `${path}/b`)), /no relationship found between node 'n'/);
  assert.match(String(await answer(node, 'GET', path)), /can only list\/watch podcertificaterequests with nodeName/);
  const { items } = (await api.send('GET', `${path}?fieldSelector=spec.nodeName%3Dn`, { as: node })).json;
  assert.deepEqual(
    items.map((one: Json) => one.metadata.name),
    ['a'],
  );
  assert.match(String(await answer(node, 'DELETE', `${path}/a`)), /nodes may not delete podcertificaterequests/);
  api.close();
});

test('a group names a template that is there; a Job that is scheduled as a gang keeps its size', async () => {
  const { api, answer, merge } = await start();
  const administrator: Identity = { name: 'admin', groups: ['system:masters'] };
  const scheduling = '/apis/scheduling.k8s.io/v1alpha2/namespaces/gates';
  const group = (podGroupTemplateName: string) => ({
    metadata: { name: 'g' },
    spec: {
      schedulingPolicy: { gang: { minCount: 2 } },
      podGroupTemplateRef: { workload: { workloadName: 'w', podGroupTemplateName } },
    },
  });
  const refused = '403 podgroups.scheduling.k8s.io "g" is forbidden: PodGroup rejected: ';
  const create = (template: string) => answer(administrator, 'POST', `${scheduling}/podgroups`, group(template));
  assert.equal(await create('t'), `${refused}Workload "w" not found`);
  await api.create(`${scheduling}/workloads`, {
    metadata: { name: 'w' },
    spec: { podGroupTemplates: [{ name: 't', schedulingPolicy: { gang: { minCount: 2 } } }] },
  });
  assert.equal(await create('u'), `${refused}PodGroupTemplate "u" not found in Workload "w"`);
  assert.equal(await create('t'), 201);
  const { metadata } = await api.get(`${scheduling}/podgroups/g`);
  assert.deepEqual(metadata.finalizers, ['scheduling.k8s.io/podgroup-protection']);
  const jobs = '/apis/batch/v1/namespaces/gates/jobs';
  const template = (podGroupName: string | undefined) => ({
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'c', image: 'i' }],
      ...(podGroupName === undefined ? {} : { schedulingGroup: { podGroupName } }),
    },
  });
  for (const [name, of] of [
    ['j', 'g'],
    ['k', undefined],
  ] as const)
    await api.create(jobs, { metadata: { name }, spec: { parallelism: 2, template: template(of) } });
  assert.equal(
    await merge(administrator, `${jobs}/j`, { spec: { parallelism: 3 } }),
    '403 jobs.batch "j" is forbidden: cannot change parallelism for a Job referencing gang-scheduled PodGroup "g"',
  );
  assert.equal(await merge(administrator, `${jobs}/j`, { spec: { backoffLimit: 3 } }), 200);
  assert.equal(await merge(administrator, `${jobs}/k`, { spec: { parallelism: 3 } }), 200);
  api.close();
});
