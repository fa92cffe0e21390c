import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaves, signers, type LeafName, type Names, type SignerName } from './plan.ts';
import { canonicalNames, type CertificateFacts } from './certificate.ts';
import { decideRenewal, notAfterMs, timeFloorMs } from './renewal.ts';

const dayMs = 86_400_000;
const names: Names = {
  nodeName: 'edge-1',
  apiServer: ['localhost', '127.0.0.1'],
  external: ['edge-1', 'api.example.com'],
  kubeconfigs: ['edge-1'],
  node: ['edge-1', '10.0.0.1'],
  ingress: ['*.apps.example.com'],
  apiServerUrl: 'https://127.0.0.1:6443',
};
const now = timeFloorMs + 30 * dayMs;

const complete = (issuedAt = now) => ({
  signers: new Map<SignerName, CertificateFacts>(
    signers.map((name) => [
      name,
      { notAfterMs: notAfterMs(issuedAt, 'signer'), names: [], subject: { commonName: name } },
    ]),
  ),
  leaves: new Map<LeafName, CertificateFacts>(
    leaves.map((leaf) => [
      leaf.name,
      {
        notAfterMs: notAfterMs(issuedAt, leaf.lifetime),
        names: canonicalNames(leaf.names?.(names) ?? []),
        subject: leaf.subject(names),
      },
    ]),
  ),
});

test('nothing is issued again while everything is valid', () => {
  const decision = decideRenewal(now, 'start', complete(), names);
  assert.deepEqual([decision.signers, decision.leaves], [[], []]);
  assert.equal(decision.dueAtMs, now + (365 - 122) * dayMs);
});

test('a certificate with seven months left is renewed at a start, and only at four months while running', () => {
  const later = now + 170 * dayMs;
  const short = leaves.filter((leaf) => leaf.lifetime === 'short').map((leaf) => leaf.name);
  assert.deepEqual(
    decideRenewal(later, 'start', complete(), names).leaves.map((one) => one.name),
    short,
  );
  assert.deepEqual(decideRenewal(later, 'running', complete(), names).leaves, []);
  assert.deepEqual(
    decideRenewal(now + 244 * dayMs, 'running', complete(), names).leaves.map((one) => one.name),
    short,
  );
});

test('a new address changes only the certificates that name it', () => {
  const moved = { ...names, node: ['edge-1', '10.0.0.2'] };
  const decision = decideRenewal(now, 'running', complete(), moved);
  assert.deepEqual(decision.leaves, [{ name: 'kubelet-serving', reason: 'its names changed' }]);
});

test('another order of names, or another way to write an address, changes nothing', () => {
  const state = complete();
  const wanted = { ...names, apiServer: ['127.0.0.1', 'localhost', 'localhost'] };
  assert.deepEqual(decideRenewal(now, 'running', state, wanted).leaves, []);
});

test('a renamed node gets new identities', () => {
  const renamed = { ...names, nodeName: 'edge-2' };
  assert.deepEqual(
    decideRenewal(now, 'start', complete(), renamed).leaves.map((one) => one.name),
    ['kubelet-serving', 'kubelet-client'],
  );
});

test('a lost signer takes its certificates along, and an old one keeps its key', () => {
  const lost = complete();
  lost.signers.delete('kubelet-signer');
  const decision = decideRenewal(now, 'start', lost, names);
  assert.deepEqual(decision.signers, [{ name: 'kubelet-signer', key: 'new', reason: 'there is none' }]);
  assert.deepEqual(
    decision.leaves.map((one) => one.name),
    ['kubelet-serving', 'kubelet-client'],
  );
  const old = decideRenewal(now + 9 * 365 * dayMs + 10 * dayMs, 'running', complete(), names);
  assert.deepEqual(new Set(old.signers.map((one) => one.key)), new Set(['keep']));
});

test('a clock in 1970 issues what is still valid when the clock is right again', () => {
  assert.equal(notAfterMs(0, 'short'), timeFloorMs + 365 * dayMs);
  assert.deepEqual(decideRenewal(0, 'start', complete(), names).leaves, []);
});
