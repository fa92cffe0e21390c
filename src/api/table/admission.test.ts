// Cells as kube-apiserver 1.36.2 gave them for the same objects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindTable } from '../kinds.ts';
import type { KubernetesObject } from '../kind.ts';
import { tableCells } from './cells.ts';

const now = Date.parse('2026-01-01T01:00:00Z');
const metadata = { name: 'p', creationTimestamp: '2026-01-01T00:55:00Z' };
const cellsOf = (kind: string, fields: object): unknown[] => {
  const row = kindTable.findKind('admissionregistration.k8s.io', 'v1', kind)!;
  const cells = tableCells(row, { metadata, ...fields } as KubernetesObject, now);
  assert.equal(cells.length, row.columns.length);
  return cells;
};

test('policies count their expressions and name the kind of their parameters', () => {
  const paramKind = { apiVersion: 'apps/v1', kind: 'Deployment' };
  const validations = [{ expression: 'true' }];
  assert.deepEqual(cellsOf('ValidatingAdmissionPolicy', { spec: { validations, paramKind } }), [
    'p',
    1,
    'apps/v1/Deployment',
    '5m',
  ]);
  assert.deepEqual(cellsOf('MutatingAdmissionPolicy', { spec: { mutations: [] } }), ['p', 0, '<unset>', '5m']);
  assert.deepEqual(cellsOf('MutatingWebhookConfiguration', { webhooks: [{}, {}] }), ['p', 2, '5m']);
});

test('bindings name their parameters', () => {
  const reference = (paramRef?: object) =>
    cellsOf('ValidatingAdmissionPolicyBinding', { spec: { policyName: 'q', ...(paramRef && { paramRef }) } });
  assert.deepEqual(reference(), ['p', 'q', '<unset>', '5m']);
  assert.deepEqual(reference({ name: 'x' })[2], '*/x');
  assert.deepEqual(reference({ name: 'x', namespace: 'y' })[2], 'y/x');
  const matchExpressions = [
    { key: 'k', operator: 'In', values: ['v', 'w'] },
    { key: 'e', operator: 'Exists' },
  ];
  assert.equal(
    reference({ selector: { matchLabels: { b: 'c', a: 'b' }, matchExpressions } })[2],
    '&LabelSelector{MatchLabels:map[string]string{a: b,b: c,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[v w],},LabelSelectorRequirement{Key:e,Operator:Exists,Values:[],},},}',
  );
});
