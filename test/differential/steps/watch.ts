// Watching what happened since a revision: order, forms, selections that objects enter and leave, and bad requests.
import type { KindUnderTest } from '../kind-under-test.ts';
import { patchTypes, withQuery, type Known, type Step } from '../step.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const partial = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';

export function watchSteps(kind: KindUnderTest): Step[] {
  const { collection, selector } = kind;
  const path = kind.pathOf('w');
  const since = (known: Known): string => known.get('before')?.metadata?.resourceVersion ?? '';
  const named = `metadata.name=${kind.nameOf('w')}`;
  const watch = (id: string, query: Record<string, string>, more: Partial<Step> = {}): Step => ({
    id: `watch/${id}`,
    method: 'GET',
    watches: true,
    path: (known) =>
      withQuery(collection, { watch: 'true', fieldSelector: named, resourceVersion: since(known), ...query }),
    ...more,
  });
  const label = (value: string | null): Step => ({
    id: `watch/make-${value}`,
    method: 'PATCH',
    path,
    contentType: patchTypes.merge,
    body: { metadata: { labels: { phase: value } } },
    silent: true,
  });
  return [
    { id: 'watch/before', method: 'GET', path: `${collection}?limit=1`, keep: 'before', silent: true },
    { id: 'watch/make', method: 'POST', path: collection, body: kind.small('w'), silent: true },
    label('one'),
    label('two'),
    label(null),
    { id: 'watch/list-middle', method: 'GET', path: `${collection}?limit=1`, keep: 'middle', silent: true },
    watch('current', { resourceVersion: '0' }),
    watch('current-unset', { resourceVersion: '' }),
    watch('initial-events', {
      resourceVersion: '',
      sendInitialEvents: 'true',
      allowWatchBookmarks: 'true',
      resourceVersionMatch: 'NotOlderThan',
    }),
    watch(
      'initial-events-table',
      {
        resourceVersion: '',
        sendInitialEvents: 'true',
        allowWatchBookmarks: 'true',
        resourceVersionMatch: 'NotOlderThan',
      },
      { accept: table },
    ),
    watch(
      'initial-events-partial',
      {
        resourceVersion: '',
        sendInitialEvents: 'true',
        allowWatchBookmarks: 'true',
        resourceVersionMatch: 'NotOlderThan',
      },
      { accept: partial },
    ),
    watch('initial-events-without-bookmarks', {
      resourceVersion: '',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
    }),
    watch('initial-events-since', {
      sendInitialEvents: 'true',
      allowWatchBookmarks: 'true',
      resourceVersionMatch: 'NotOlderThan',
    }),
    watch('initial-events-without-match', { resourceVersion: '', sendInitialEvents: 'true' }),
    watch('initial-events-exact', { resourceVersion: '1', sendInitialEvents: 'true', resourceVersionMatch: 'Exact' }),
    watch('no-initial-events', { sendInitialEvents: 'false', resourceVersionMatch: 'NotOlderThan' }),
    watch('no-initial-events-unset', {
      resourceVersion: '',
      sendInitialEvents: 'false',
      resourceVersionMatch: 'NotOlderThan',
    }),
    watch('match-alone', { resourceVersionMatch: 'NotOlderThan' }),
    { id: 'watch/grace', method: 'DELETE', path: `${path}?gracePeriodSeconds=0`, silent: true },
    watch('all', {}),
    watch('table', {}, { accept: table }),
    watch('partial', {}, { accept: partial }),
    watch('label-one', { labelSelector: 'phase=one' }),
    watch('label-any', { labelSelector: 'phase' }),
    watch('label-none', { labelSelector: '!phase' }),
    watch('label-not', { labelSelector: 'phase notin (one)' }),
    watch('label-bad', { labelSelector: 'a=b=c' }),
    watch('field-bad', { fieldSelector: 'nothing=x' }),
    watch('timeout-bad', { timeoutSeconds: 'x' }),
    watch('revision-bad', { resourceVersion: 'abc' }),
    // How far back a server remembers is its own.
    watch('revision-old', { resourceVersion: '1' }, { bodyIgnored: true }),
    watch('limit', { limit: '1' }),
    watch('continue', { continue: 'abc' }),
    watch('accept-nothing', {}, { accept: 'text/plain' }),
    {
      id: 'watch/name-path',
      method: 'GET',
      watches: false, // of one name, so it is a get
      path: (known) => withQuery(path, { watch: 'true', resourceVersion: since(known) }),
    },
    {
      id: 'watch/legacy',
      method: 'GET',
      watches: true,
      path: (known) =>
        withQuery(collection.replace(/^(\/api\/v1|\/apis\/[^/]+\/[^/]+)/, '$1/watch'), {
          fieldSelector: named,
          labelSelector: selector,
          resourceVersion: since(known),
        }),
    },
    {
      id: 'watch/legacy-name',
      method: 'GET',
      watches: true,
      path: (known) =>
        withQuery(path.replace(/^(\/api\/v1|\/apis\/[^/]+\/[^/]+)/, '$1/watch'), { resourceVersion: since(known) }),
    },
  ];
}
