// Server-side apply: who owns what, who is in conflict with whom, and what cannot be applied.
import type { Json } from '#kit/start-api-server.ts';
import type { KindUnderTest } from '../kind-under-test.ts';
import { patchTypes, withQuery, type Step } from '../step.ts';

export function applySteps(kind: KindUnderTest): Step[] {
  const path = kind.pathOf('applied');
  const apply = (id: string, body: unknown, query: Record<string, string>, at = path): Step => ({
    id: `apply/${id}`,
    method: 'PATCH',
    path: withQuery(at, query),
    contentType: patchTypes.apply,
    body,
    retries: false,
  });
  const read = (id: string): Step => ({ id: `apply/${id}`, method: 'GET', path });
  const rich = (change: (object: Json) => void = () => {}): Json => {
    const object = kind.rich('applied');
    change(object);
    return object;
  };
  const head = (metadata: Json = {}): Json => ({
    apiVersion: kind.rich('applied').apiVersion,
    kind: kind.row.kind,
    metadata: { name: kind.nameOf('applied'), ...metadata },
  });
  const labels = (values: Json): Json => head({ labels: values });
  const one = { fieldManager: 'one' };
  const two = { fieldManager: 'two' };
  const top = Object.keys(kind.rich('b')).filter((field) => !['apiVersion', 'kind', 'metadata'].includes(field));
  return [
    apply('no-manager', rich(), {}),
    apply('dry-run', rich(), { ...one, dryRun: 'All' }),
    apply(
      'create',
      rich((object) => (object.metadata.labels.x = 'one')),
      one,
    ),
    apply(
      'again',
      rich((object) => (object.metadata.labels.x = 'one')),
      one,
    ),
    apply('conflict', labels({ x: 'two' }), two),
    apply('no-conflict', labels({ x: 'one', y: 'two' }), two),
    apply('drop-shared', rich(), one),
    read('after-drop'),
    apply('conflict-two', labels({ x: 'three', y: 'three' }), { fieldManager: 'three' }),
    apply('force', labels({ x: 'three', y: 'three' }), { fieldManager: 'three', force: 'true' }),
    read('after-force'),
    apply('drop-all', head(), { fieldManager: 'three' }),
    read('after-drop-all'),
    ...top.map((field) => apply(`empty-${field}`, { ...head(), [field]: {} }, { fieldManager: 'four', dryRun: 'All' })),
    ...top.map((field) =>
      apply(`null-${field}`, { ...head(), [field]: null }, { fieldManager: 'four', dryRun: 'All' }),
    ),
    ...top.map((field) =>
      apply(`small-${field}`, { ...head(), [field]: kind.small('x')[field] }, { fieldManager: 'four', dryRun: 'All' }),
    ),
    ...top.map((field) =>
      apply(
        `small-forced-${field}`,
        { ...head(), [field]: kind.small('x')[field] },
        { fieldManager: 'four', dryRun: 'All', force: 'true' },
      ),
    ),
    ...top.map((field) =>
      apply(
        `drop-${field}`,
        {
          ...head({ labels: kind.rich('b').metadata.labels }),
          ...Object.fromEntries(top.filter((other) => other !== field).map((other) => [other, kind.rich('b')[other]])),
        },
        { ...one, dryRun: 'All' },
      ),
    ),
    {
      id: 'apply/update-by-other',
      method: 'PATCH',
      path: withQuery(path, { fieldManager: 'patcher' }),
      contentType: patchTypes.merge,
      body: { metadata: { labels: { z: 'patched', differential: kind.selector.split('=')[1] } } },
    },
    apply('conflict-with-patcher', labels({ z: 'mine' }), two),
    apply('same-as-patcher', labels({ z: 'patched' }), two),
    apply('unowned-annotation', head({ annotations: { a: 'b' } }), two),
    read('after-patcher'),
    apply('finalizers', head({ finalizers: ['example.com/a', 'example.com/b'] }), { ...two, dryRun: 'All' }),
    apply('finalizers-twice', head({ finalizers: ['example.com/a', 'example.com/a'] }), { ...two, dryRun: 'All' }),
    apply('owners', head({ ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' }] }), {
      ...two,
      dryRun: 'All',
    }),
    apply(
      'owners-twice',
      head({
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' },
          { apiVersion: 'v1', kind: 'Pod', name: 'q', uid: 'u' },
        ],
      }),
      { ...two, dryRun: 'All' },
    ),
    apply('owners-no-key', head({ ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p' }] }), {
      ...two,
      dryRun: 'All',
    }),
    apply('managed-fields', head({ managedFields: [{}] }), { ...two, dryRun: 'All' }),
    apply('managed-fields-null', head({ managedFields: null }), { ...two, dryRun: 'All' }),
    apply('stale', head({ resourceVersion: '1' }), { ...two, dryRun: 'All' }),
    apply('uid', head({ uid: 'x' }), { ...two, dryRun: 'All' }),
    apply('other-name', head({ name: 'other' }), two),
    apply('no-name', head({ name: undefined }), { ...two, dryRun: 'All' }),
    apply('other-kind', { ...head(), kind: 'Other' }, two),
    apply('other-version', { ...head(), apiVersion: 'x/v1' }, two),
    apply('no-kind', { ...head(), kind: undefined }, two),
    apply('no-version', { ...head(), apiVersion: undefined }, two),
    apply('unknown-field', { ...head(), notAField: 1 }, { ...two, dryRun: 'All' }),
    apply('unknown-strict', { ...head(), notAField: 1 }, { ...two, dryRun: 'All', fieldValidation: 'Strict' }),
    apply('unknown-warn', { ...head(), notAField: 1 }, { ...two, dryRun: 'All', fieldValidation: 'Warn' }),
    apply('unknown-ignore', { ...head(), notAField: 1 }, { ...two, dryRun: 'All', fieldValidation: 'Ignore' }),
    apply('twice', `{"apiVersion":"x",${JSON.stringify(head()).slice(1)}`, {
      ...two,
      dryRun: 'All',
      fieldValidation: 'Strict',
    }),
    apply('null', 'null', two),
    apply('list', '[]', two),
    apply('empty', '', two),
    apply('bad-yaml', 'a: b: c', two),
    apply('label-number', labels({ x: 5 }), { ...two, dryRun: 'All' }),
    apply('label-null', labels({ x: null }), { ...two, dryRun: 'All' }),
    apply('labels-list', labels([]), { ...two, dryRun: 'All' }),
    apply('bad-label', labels({ 'bad key!': 'x' }), { ...two, dryRun: 'All' }),
    apply('bad-force', head(), { ...two, force: 'maybe', dryRun: 'All' }),
    apply('long-manager', head(), { fieldManager: 'm'.repeat(129) }),
    apply('unprintable-manager', head(), { fieldManager: 'a\u0007' }),
    {
      id: 'apply/reset-managed-fields',
      method: 'PATCH',
      path,
      contentType: patchTypes.merge,
      body: { metadata: { managedFields: [{}] } },
    },
    apply('after-reset', rich(), one),
    apply('after-reset-conflict', labels({ z: 'mine' }), { fieldManager: 'five' }),
    apply('missing-dry-run', kind.small('missing'), { ...one, dryRun: 'All' }, kind.pathOf('missing')),
    apply(
      'missing-with-uid',
      { ...head({ ...kind.small('missing').metadata, uid: 'x' }), name: undefined },
      { ...one, dryRun: 'All' },
      kind.pathOf('missing'),
    ),
    { ...apply('json-body', head(), two), id: 'apply/content-type-cbor', contentType: 'application/apply-patch+cbor' },
  ];
}
