// What controllers declare holds together: rights, names, folders.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import openshiftFacts from '#api/facts/rbac-openshift.json' with { type: 'json' };
import type { KindReference } from '#api/kind.ts';
import { controllersOf } from './registry.ts';
import { assertDeclared } from './runtime/apply-actions.ts';
import { kindId } from './runtime/declaration.ts';

const controllers = controllersOf({
  rootCaCertificates: () => 'PEM',
  clusterNetworks: [{ cidr: '10.42.0.0/16', nodePrefixLength: 24 }],
  signToken: () => '',
  certificateSigning: { signer: () => ({ certificatePem: '', keyPem: '' }), serial: () => Uint8Array.of(1) },
  serviceCa: { clusterDomain: 'cluster.local', serial: () => Uint8Array.of(1) },
  volumeDirectories: { root: '/var/hpvolumes', make: async () => {}, remove: async () => {} },
});

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
}
const roles: readonly { readonly name: string; readonly rules: readonly Rule[] }[] = [
  ...facts.controllerRoles,
  ...facts.namespaceRoles,
  ...openshiftFacts.clusterRoles,
  ...openshiftFacts.namespaceRoles,
];
/** Upstream's API server or controller manager does this with rights of its own; their roles here are microshift:NAME. */
const withoutUpstreamRole = new Set(['flow-control', 'token-secrets']);
/** OpenShift's controllers have roles named after the program they are part of upstream. */
const roleNames = ({ account, accountNamespace }: (typeof controllers)[number]) =>
  accountNamespace === 'kube-system'
    ? [`system:controller:${account}`]
    : ['openshift-controller-manager', 'controller'].map((part) => `system:openshift:${part}:${account}`);

test("every declared write is within the rights of upstream's role for that account", () => {
  const missing: string[] = [];
  for (const controller of controllers) {
    const names = roleNames(controller);
    const rules = roles.flatMap((one) => (names.includes(one.name) ? one.rules : []));
    if (withoutUpstreamRole.has(controller.name)) {
      assert.deepEqual(rules, [], `${controller.name} has an upstream role by now`);
      continue;
    }
    assert.ok(rules.length > 0, `no upstream role for ${controller.account}`);
    const allows = (kind: KindReference | 'any', subresource: string | undefined, verb: string) =>
      rules.some((rule) => {
        const matches = (list: readonly string[] | undefined, value: string) =>
          list?.includes('*') === true || list?.includes(value) === true;
        const resource =
          kind === 'any' ? '*' : subresource === undefined ? kind.resource : `${kind.resource}/${subresource}`;
        return (
          matches(rule.apiGroups, kind === 'any' ? '*' : kind.group) &&
          matches(rule.resources, resource) &&
          matches(rule.verbs, verb)
        );
      });
    for (const { kind, subresource, verbs } of controller.writes)
      for (const verb of verbs)
        if (!allows(kind, subresource, verb))
          missing.push(`${controller.name}: ${verb} ${kind === 'any' ? '*' : kind.resource}/${subresource ?? ''}`);
  }
  assert.deepEqual(missing, []);
});

test('names are unique, and every controller has a folder with its declaration and its decision', () => {
  const names = controllers.map((one) => one.name);
  assert.equal(new Set(names).size, names.length);
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((one) => one.isDirectory() && existsSync(path.join(import.meta.dirname, one.name, 'controller.ts')))
    .map((one) => one.name);
  // The claims' side of the binder lives with the volumes' side.
  const expected = names.filter((one) => one !== 'persistentvolumeclaim-binder');
  assert.deepEqual(folders.toSorted(), expected.toSorted());
});

test('what a controller reads is listed once', () => {
  for (const { name, reads } of controllers) {
    const ids = reads.filter((one) => one.wake !== undefined).map((one) => kindId(one.kind));
    const own = ids.filter((one, index) => ids.indexOf(one) !== index);
    assert.ok(own.length === 0 || name === 'namespace', `${name} reads twice: ${own.join(', ')}`);
  }
});

test('an undeclared write is refused', () => {
  const serviceAccount = controllers.find((one) => one.name === 'service-account')!;
  const kind = { group: '', version: 'v1', resource: 'secrets', kind: 'Secret', namespaced: true };
  assert.throws(
    () => assertDeclared({ verb: 'delete', kind, key: { namespace: 'a', name: 'b' }, options: {} }, serviceAccount),
    /service-account does not declare delete of secrets/,
  );
});
