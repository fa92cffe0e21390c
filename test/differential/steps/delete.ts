// Deleting: options and their mistakes, preconditions, finalizers, propagation, collections.
import type { KindUnderTest } from '../kind-under-test.ts';
import { patchTypes, withQuery, type Known, type Step } from '../step.ts';

export function deleteSteps(kind: KindUnderTest): Step[] {
  const options = { kind: 'DeleteOptions', apiVersion: 'v1' };
  const remove = (
    id: string,
    slot: string,
    body?: unknown,
    query: Record<string, string> = {},
    more: Partial<Step> = {},
  ): Step => ({
    id: `delete/${id}`,
    method: 'DELETE',
    path: withQuery(kind.pathOf(slot), query),
    ...(body === undefined ? {} : { body: typeof body === 'object' ? { ...options, ...body } : body }),
    ...more,
  });
  const make = (slot: string, finalizers: string[] = []): Step => ({
    id: `delete/make-${slot}`,
    method: 'POST',
    path: kind.collection,
    body: (() => {
      const object = kind.small(slot);
      if (finalizers.length > 0) object.metadata.finalizers = finalizers;
      return object;
    })(),
    silent: true,
  });
  const patch = (id: string, slot: string, body: unknown): Step => ({
    id: `delete/${id}`,
    method: 'PATCH',
    path: kind.pathOf(slot),
    contentType: patchTypes.merge,
    body,
  });
  const read = (id: string, slot: string): Step => ({ id: `delete/${id}`, method: 'GET', path: kind.pathOf(slot) });
  const collection = (id: string, query: Record<string, string>, more: Partial<Step> = {}): Step => ({
    id: `delete-collection/${id}`,
    method: 'DELETE',
    path: withQuery(kind.collection, query),
    ...more,
  });
  return [
    remove('missing', 'missing'),
    remove('dry-run', 'a', undefined, { dryRun: 'All' }),
    remove('dry-run-body', 'a', { dryRun: ['All'] }),
    remove('bad-dry-run', 'a', { dryRun: ['Some'] }),
    remove('bad-policy', 'a', { propagationPolicy: 'Bogus' }),
    remove('both-policies', 'a', { propagationPolicy: 'Orphan', orphanDependents: true }),
    remove('bad-policy-query', 'a', undefined, { propagationPolicy: 'Bogus' }),
    remove('negative-grace', 'a', { gracePeriodSeconds: -5, dryRun: ['All'] }),
    remove('grace-words', 'a', { gracePeriodSeconds: 'x' }),
    remove('grace-query-words', 'a', undefined, { gracePeriodSeconds: 'x' }),
    remove('other-uid', 'a', { preconditions: { uid: 'x' } }),
    remove('other-revision', 'a', { preconditions: { resourceVersion: '1' } }),
    remove('other-kind', 'a', { kind: 'Pod', dryRun: ['All'] }),
    remove('other-version', 'a', { apiVersion: 'x/v1', dryRun: ['All'] }),
    remove('unknown-field', 'a', { notAField: 1, dryRun: ['All'] }),
    remove('truncated', 'a', '{"kind":'),
    remove('list-body', 'a', '[]'),
    remove('text-type', 'a', '{}', {}, { contentType: 'text/plain' }),
    remove('ignore-read-error', 'a', { ignoreStoreReadErrorWithClusterBreakingPotential: true }),
    remove('ignore-read-error-dry', 'a', { ignoreStoreReadErrorWithClusterBreakingPotential: true, dryRun: ['All'] }),
    remove('subresource', 'a', undefined, {}, { path: `${kind.pathOf('a')}/nothing` }),
    {
      ...remove('right-revision', 'a', undefined, { dryRun: 'All' }),
      body: (known: Known) => ({ ...options, preconditions: { uid: known.get('a')?.metadata?.uid } }),
    },
    make('f', ['example.com/wait']),
    remove('with-finalizer', 'f', {}, {}, {}),
    read('pending', 'f'),
    remove('pending-again', 'f', {}),
    patch('add-finalizer-while-pending', 'f', { metadata: { finalizers: ['example.com/wait', 'example.com/more'] } }),
    patch('label-while-pending', 'f', { metadata: { labels: { late: 'x' } } }),
    patch('undelete', 'f', { metadata: { deletionTimestamp: null } }),
    patch('remove-finalizer', 'f', { metadata: { finalizers: null } }),
    read('gone', 'f'),
    make('g'),
    remove('foreground', 'g', { propagationPolicy: 'Foreground' }),
    read('foreground-pending', 'g'),
    remove('foreground-then-background', 'g', { propagationPolicy: 'Background', gracePeriodSeconds: 0 }),
    read('foreground-gone', 'g'),
    make('h'),
    remove('orphan', 'h', { propagationPolicy: 'Orphan' }),
    read('orphan-pending', 'h'),
    patch('orphan-finish', 'h', { metadata: { finalizers: [] } }),
    make('i'),
    remove('orphan-dependents', 'i', { orphanDependents: true, dryRun: ['All'] }),
    remove('zero-grace', 'i', { gracePeriodSeconds: 0 }),
    read('zero-grace-gone', 'i'),
    make('j'),
    remove('yaml', 'j', 'gracePeriodSeconds: 0\n', {}, { contentType: 'application/yaml' }),
    make('k'),
    remove('grace-query', 'k', undefined, { gracePeriodSeconds: '0' }),
    collection('dry-run', { labelSelector: kind.selector, dryRun: 'All' }),
    collection('bad-selector', { labelSelector: 'a=b=c' }),
    collection('bad-field', { labelSelector: kind.selector, fieldSelector: 'nothing=x' }),
    collection('bad-policy', { labelSelector: kind.selector, propagationPolicy: 'Bogus' }),
    collection('match-none', { labelSelector: `${kind.selector},never=there` }),
    collection('bad-dry-run', { labelSelector: kind.selector, dryRun: 'Some' }),
    collection(
      'precondition',
      { labelSelector: `${kind.selector},never=there` },
      { body: { ...options, preconditions: { uid: 'x' } } },
    ),
    collection('one', {
      labelSelector: kind.selector,
      fieldSelector: `metadata.name=${kind.nameOf('a')}`,
      gracePeriodSeconds: '0',
    }),
    collection('all', { labelSelector: kind.selector, gracePeriodSeconds: '0', propagationPolicy: 'Background' }),
    { id: 'delete/nothing-left', method: 'GET', path: withQuery(kind.collection, { labelSelector: kind.selector }) },
  ];
}
