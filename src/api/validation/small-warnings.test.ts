// As a control plane of 1.36.2 was seen to warn.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeWarnings, quotaWarnings, serviceAccountWarnings } from './small-warnings.ts';

const header = { kind: 'X', apiVersion: 'v1', metadata: { name: 'x' } };

test('what a Node has and nobody uses is told', () => {
  const spec = { externalID: 'x', podCIDRs: ['2001:DB8::/64'] };
  assert.deepEqual(nodeWarnings({ ...header, spec }), [
    'spec.externalID: this field is deprecated, and is unused by Kubernetes',
    'spec.podCIDRs[0]: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")',
  ]);
  assert.deepEqual(nodeWarnings({ ...header, spec: {} }), []);
});

test('the annotation of a service account is told when it is new', () => {
  const annotations = { 'kubernetes.io/enforce-mountable-secrets': 'true' };
  const account = { ...header, metadata: { name: 'x', annotations } };
  assert.deepEqual(serviceAccountWarnings(account, undefined), [
    'metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets',
  ]);
  assert.deepEqual(serviceAccountWarnings(account, account), []);
});

test('a new quota with larger requests than limits is told', () => {
  const hard = {
    'requests.cpu': '2',
    'limits.cpu': '1',
    memory: '2Gi',
    'limits.memory': '1Gi',
    'requests.ephemeral-storage': '1',
    'limits.ephemeral-storage': '2',
  };
  const quota = { ...header, spec: { hard } };
  assert.deepEqual(quotaWarnings(quota, undefined), [
    'ResourceQuota requests.cpu (2) should be less than limits.cpu (1)',
    'ResourceQuota memory (2Gi) should be less than limits.memory (1Gi)',
  ]);
  assert.deepEqual(quotaWarnings(quota, quota), []);
});
