// Reading: one object, lists with selectors, pages and revisions, in every form.
import type { KindUnderTest } from '../kind-under-test.ts';
import { withQuery, type Known, type Step } from '../step.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const partial = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const partialList = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

export function readSteps(kind: KindUnderTest): Step[] {
  const { collection, selector, row } = kind;
  const get = (id: string, query: Record<string, string> = {}, more: Partial<Step> = {}): Step => ({
    id: `get/${id}`,
    method: 'GET',
    path: withQuery(kind.pathOf('b'), query),
    ...more,
  });
  const own = row.namespaced ? {} : { labelSelector: selector };
  const list = (id: string, query: Record<string, string> = {}, more: Partial<Step> = {}): Step => ({
    id: `list/${id}`,
    method: 'GET',
    path: withQuery(collection, { ...own, ...query }),
    ...more,
  });
  const later = (query: (known: Known) => Record<string, string>) => (known: Known) =>
    withQuery(collection, { ...own, ...query(known) });
  const name = kind.nameOf('b');
  const selectors = [
    'a=b',
    'differential',
    '!differential',
    `differential in (x, ${selector.split('=')[1]})`,
    'differential notin (x)',
    'a==b,c!=d',
    'a=b=c',
    'a in',
    'a in ()',
    'in in (in)',
    'a,',
    ',',
    '=',
    'a b',
    '-a=b',
    'a=-b',
    `a=${'x'.repeat(64)}`,
    'a>1',
    'a<b',
    'x/y/z=1',
    '!a=b',
    'a in (b',
  ];
  const fields = [
    `metadata.name=${name}`,
    `metadata.name==${name}`,
    `metadata.name!=${name}`,
    'metadata.name',
    'metadata.name=a=b',
    'metadata.uid=1',
    'notAField=x',
    'metadata.name in (a)',
    `metadata.name=${name},metadata.name!=x`,
    'metadata.name=a\\,b',
    'metadata.name=a\\',
    `metadata.name=${name},`,
    '=x',
    ...row.fieldSelectors.map((field) => `${field}=x`),
    ...row.fieldSelectors.map((field) => `${field}!=x`),
  ];
  return [
    get('object'),
    get('table', {}, { accept: table }),
    get('table-with-object', { includeObject: 'Object' }, { accept: table }),
    get('table-without-object', { includeObject: 'None' }, { accept: table }),
    get('table-bad-include', { includeObject: 'Bogus' }, { accept: table }),
    get('partial', {}, { accept: partial }),
    get('partial-list', {}, { accept: partialList }),
    get('table-v1beta1', {}, { accept: 'application/json;as=Table;v=v1beta1;g=meta.k8s.io' }),
    get('accept-many', {}, { accept: `${table},application/json` }),
    get('accept-any', {}, { accept: '*/*' }),
    get('accept-wild', {}, { accept: 'application/*' }),
    get('accept-nothing', {}, { accept: 'text/plain' }),
    get('accept-bad-transform', {}, { accept: 'application/json;as=Bogus;v=v1;g=meta.k8s.io' }),
    get('yaml', {}, { accept: 'application/yaml', bodyIgnored: true }),
    get('revision-0', { resourceVersion: '0' }),
    get('revision-bad', { resourceVersion: 'abc' }),
    // The peer waits three seconds before it says so.
    ...(row.resource === 'configmaps' ? [get('revision-future', { resourceVersion: '99999999999' })] : []),
    get('missing', {}, { path: kind.pathOf('missing') }),
    get('missing-partial', {}, { path: kind.pathOf('missing'), accept: partial }),
    get('missing-subresource', {}, { path: `${kind.pathOf('b')}/nothing` }),
    get('bad-name', {}, { path: `${collection}/Bad_Name` }),
    get('unknown-parameter', { bogus: '1' }),
    list('all'),
    list('table', {}, { accept: table }),
    list('table-with-object', { includeObject: 'Object' }, { accept: table }),
    list('partial', {}, { accept: partialList }),
    list('partial-single', {}, { accept: partial }),
    list('limit-1', { limit: '1' }, { keep: 'page' }),
    {
      id: 'list/second-page',
      method: 'GET',
      path: later((known) => ({ limit: '1', continue: known.get('page')?.metadata?.continue ?? '' })),
    },
    {
      id: 'list/second-page-with-revision',
      method: 'GET',
      path: later((known) => ({
        limit: '1',
        continue: known.get('page')?.metadata?.continue ?? '',
        resourceVersion: '0',
      })),
    },
    {
      id: 'list/second-page-with-match',
      method: 'GET',
      path: later((known) => ({
        continue: known.get('page')?.metadata?.continue ?? '',
        resourceVersionMatch: 'Exact',
        resourceVersion: '1',
      })),
    },
    list('limit-1-table', { limit: '1' }, { accept: table }),
    list('limit-negative', { limit: '-1' }),
    list('limit-words', { limit: 'abc' }),
    list('continue-bad', { limit: '1', continue: 'abc' }),
    list('continue-forged', {
      limit: '1',
      continue: Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"../x"}').toString('base64url'),
    }),
    list('continue-version', {
      limit: '1',
      continue: Buffer.from('{"v":"meta.k8s.io/v9","rv":1,"start":"x"}').toString('base64url'),
    }),
    list('revision-0', { resourceVersion: '0' }),
    list('revision-0-limit', { resourceVersion: '0', limit: '1' }),
    list('revision-0-exact', { resourceVersion: '0', resourceVersionMatch: 'Exact' }),
    list('revision-bad', { resourceVersion: 'abc' }),
    list('match-without-revision', { resourceVersionMatch: 'NotOlderThan' }),
    list('match-bad', { resourceVersion: '1', resourceVersionMatch: 'Bogus' }),
    ...(['Exact', 'NotOlderThan', ''] as const).map((match): Step => ({
      id: `list/revision-of-a-${match}`,
      method: 'GET',
      path: later((known) => ({
        resourceVersion: known.get('a')?.metadata?.resourceVersion ?? '1',
        ...(match === '' ? {} : { resourceVersionMatch: match }),
      })),
    })),
    {
      id: 'list/revision-of-a-exact-limit',
      method: 'GET',
      path: later((known) => ({
        resourceVersion: known.get('a')?.metadata?.resourceVersion ?? '1',
        resourceVersionMatch: 'Exact',
        limit: '1',
      })),
    },
    list('initial-events', { sendInitialEvents: 'true' }),
    list('timeout-bad', { timeoutSeconds: 'x' }),
    list('timeout-query-bad', { timeout: 'x' }),
    ...selectors.map((one) =>
      list(`label ${one.slice(0, 40)}`, { labelSelector: one }, row.namespaced ? {} : { bodyIgnored: true }),
    ),
    ...fields.map((one) => list(`field ${one}`, { fieldSelector: one, labelSelector: selector })),
  ];
}
