// Updating: what may change, what a stale or wrong request is told, and who owns what afterwards.
import type { Json } from '#kit/start-api-server.ts';
import type { KindUnderTest } from '../kind-under-test.ts';
import { withQuery, type Known, type Step } from '../step.ts';

/** The object as it was last read, changed. */
export const changed =
  (name: string, change: (object: Json) => void) =>
  (known: Known): Json => {
    const object = structuredClone(known.get(name)) ?? { metadata: { labels: {} }, spec: {} };
    change(object);
    return object;
  };

export function updateSteps(kind: KindUnderTest): Step[] {
  const path = kind.pathOf('b');
  const many = kind.pathOf('many');
  const read: Step = { id: '', method: 'GET', path, keep: 'b', silent: true };
  const put = (id: string, change: (object: Json) => void, query: Record<string, string> = {}, more = {}): Step[] => [
    { ...read, id: `read-before-${id}` },
    { id: `update/${id}`, method: 'PUT', path: withQuery(path, query), body: changed('b', change), ...more },
  ];
  const dry = { dryRun: 'All' };
  return [
    ...put('nothing', () => {}),
    ...put('label', (object) => (object.metadata.labels.color = 'red')),
    ...put('annotation', (object) => (object.metadata.annotations = { ...object.metadata.annotations, note: 'one' }), {
      fieldManager: 'other',
    }),
    { id: 'update/read-back', method: 'GET', path },
    ...put('stale', (object) => (object.metadata.resourceVersion = '1')),
    ...put('revision-bad', (object) => (object.metadata.resourceVersion = 'abc'), dry),
    ...put('revision-0', (object) => (object.metadata.resourceVersion = '0'), dry),
    ...put('revision-none', (object) => delete object.metadata.resourceVersion, dry),
    ...put('other-name', (object) => (object.metadata.name = `${object.metadata.name}x`), dry),
    ...put('no-name', (object) => delete object.metadata.name, dry),
    ...put('other-namespace', (object) => (object.metadata.namespace = 'diff-other'), dry),
    ...put('no-namespace', (object) => delete object.metadata.namespace, dry),
    ...put('other-uid', (object) => (object.metadata.uid = 'abc'), dry),
    ...put('no-uid', (object) => delete object.metadata.uid, dry),
    ...put('other-creation', (object) => (object.metadata.creationTimestamp = '2020-01-01T00:00:00Z'), dry),
    ...put('other-generation', (object) => (object.metadata.generation = 77), dry),
    ...put('deletion', (object) => (object.metadata.deletionTimestamp = '2020-01-01T00:00:00Z'), dry),
    ...put('generate-name', (object) => (object.metadata.generateName = 'x'), dry),
    ...put('self-link', (object) => (object.metadata.selfLink = '/x'), dry),
    ...put('managed-fields-removed', (object) => delete object.metadata.managedFields, dry),
    ...put('managed-fields-empty', (object) => (object.metadata.managedFields = []), dry),
    ...put('managed-fields-reset', (object) => (object.metadata.managedFields = [{}]), dry),
    ...put(
      'managed-fields-bad',
      (object) => (object.metadata.managedFields = [{ manager: 'x', operation: 'Bogus' }]),
      dry,
    ),
    ...put('labels-removed', (object) => delete object.metadata.labels, dry),
    ...put('labels-null', (object) => (object.metadata.labels = null), dry),
    ...put(
      'owner',
      (object) => (object.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'y' }]),
      dry,
    ),
    ...put(
      'owner-bad',
      (object) => (object.metadata.ownerReferences = [{ apiVersion: '', kind: '', name: '', uid: '' }]),
      dry,
    ),
    ...put(
      'two-controllers',
      (object) => {
        const owner = { apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'y', controller: true };
        object.metadata.ownerReferences = [owner, { ...owner, name: 'z', uid: 'w' }];
      },
      dry,
    ),
    ...put('finalizer', (object) => (object.metadata.finalizers = ['example.com/x']), dry),
    ...put('finalizer-bad', (object) => (object.metadata.finalizers = ['Bad!']), dry),
    ...put('finalizer-short', (object) => (object.metadata.finalizers = ['short']), dry),
    ...put('other-kind', (object) => (object.kind = 'Other'), dry),
    ...put('other-version', (object) => (object.apiVersion = 'x/v1'), dry),
    ...put('status', (object) => (object.status = { ...object.status, notAField: 1 }), dry),
    ...put('missing', () => {}, dry, { path: `${kind.pathOf('missing')}?dryRun=All` }),
    ...put(
      'missing-named',
      (object) => {
        object.metadata = { ...kind.small('missing').metadata };
      },
      dry,
      { path: `${kind.pathOf('missing')}?dryRun=All` },
    ),
    ...put('long-manager', () => {}, { ...dry, fieldManager: 'm'.repeat(129) }),
    ...put('bad-dry-run', () => {}, { dryRun: 'x' }),
    { id: 'update/collection', method: 'PUT', path: kind.collection, body: kind.small('b') },
    { id: 'update/empty', method: 'PUT', path, body: '' },
    { id: 'update/truncated', method: 'PUT', path, body: '{"kind":' },
    { id: 'make-many', method: 'POST', path: kind.collection, body: kind.small('many'), silent: true },
    ...Array.from({ length: 12 }, (_, index): Step[] => [
      { id: 'read-before-many', method: 'GET', path: many, keep: 'many', silent: true },
      {
        id: `update/manager-${index}`,
        method: 'PUT',
        path: withQuery(many, { fieldManager: `manager-${index}` }),
        body: changed('many', (object) => {
          object.metadata.annotations = { ...object.metadata.annotations, [`k${index}`]: 'v' };
        }),
        retries: true,
        readsAgain: 'many',
        // Which managers are merged when there are too many depends on the second in which each wrote.
        bodyIgnored: true,
      },
    ]).flat(),
  ];
}
