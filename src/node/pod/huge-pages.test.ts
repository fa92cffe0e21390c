import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from '#api/generated/types.ts';
import { cgroupSizeName, hugePageLimits, hugePagesName, mediumPageSize } from './huge-pages.ts';

const [small, large] = [2 * 2 ** 20, 2 ** 30];
const wants = (amounts: Readonly<Record<string, string>>): Container => ({
  name: 'c',
  image: 'i',
  resources: { requests: amounts, limits: amounts },
});
const pod = (containers: Container[], more: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p' },
  spec: { containers, ...more },
});

test('sizes have the names of resources and of cgroups', () => {
  assert.deepEqual([64 * 1024, small, large].map(hugePagesName), ['hugepages-64Ki', 'hugepages-2Mi', 'hugepages-1Gi']);
  assert.deepEqual([64 * 1024, small, large].map(cgroupSizeName), ['64KB', '2MB', '1GB']);
});

test('a container has what it asks for, else what the Pod has as a whole, else none', () => {
  const level = { resources: { limits: { 'hugepages-2Mi': '6Mi', 'hugepages-1Gi': '1Gi' } } };
  const one = pod([wants({ 'hugepages-2Mi': '4Mi' })], level);
  assert.deepEqual(hugePageLimits(one, one.spec.containers[0]!, [small, large]), [
    { pageSize: '2MB', limit: 4 * 2 ** 20 },
    { pageSize: '1GB', limit: large },
  ]);
  assert.deepEqual(hugePageLimits(pod([wants({})]), wants({}), [small]), [{ pageSize: '2MB', limit: 0 }]);
});

test('a volume has pages of the one size that is asked for, or of its own', () => {
  const both = pod([wants({ 'hugepages-2Mi': '4Mi' })], { initContainers: [wants({ 'hugepages-1Gi': '1Gi' })] });
  assert.equal(mediumPageSize(pod([wants({ 'hugepages-2Mi': '4Mi' })]), 'HugePages'), '2Mi');
  assert.equal(mediumPageSize(both, 'HugePages-1024Mi'), '1Gi');
  assert.throws(() => mediumPageSize(both, 'HugePages'), {
    message: "medium: HugePages can't be used if container requests multiple huge page sizes",
  });
  assert.throws(() => mediumPageSize(pod([wants({})]), 'HugePages-2Mi'), {
    message: 'medium HugePages-2Mi: hugePages storage requested, but there is no resource request for huge pages',
  });
});
