// What is measured of requests, under upstream's names and labels (k8s.io/apiserver/pkg/endpoints/metrics). The series of a kind of
// request are bound once; after that a request costs a few additions.
import type { KindRow } from '#api/kind.ts';
import type { ApiRequest, Identity } from '#api/request.ts';
import { exponentialBounds, type Observer, type Value } from '#base/metrics/families.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';
import type { RequestInfo } from '../request-info.ts';

const durationBoundsSeconds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const sizeBoundsBytes = exponentialBounds(1_000, 10, 7);
const bodyBoundsBytes = Array.from({ length: 31 }, (_, index) => 50_000 + index * 100_000);

const readVerbs = new Set(['get', 'list', 'watch']);
const collectionVerbs = new Set(['list', 'watch', 'deletecollection']);
/** Methods as upstream tells them; any other one is some client's own word, which HTTP/2 lets through. */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
const connectSubresources = new Set(['log', 'exec', 'portforward', 'attach', 'proxy']);

function verbLabel(request: ApiRequest, info: RequestInfo): string {
  if (connectSubresources.has(info.subresource)) return 'CONNECT';
  switch (info.verb) {
    case 'watch':
      return 'WATCH';
    case 'list':
      return 'LIST';
    case 'get':
      return 'GET';
    case 'create':
      return 'POST';
    case 'update':
      return 'PUT';
    case 'delete':
    case 'deletecollection':
      return 'DELETE';
    case 'patch':
      return request.headers['content-type']?.startsWith('application/apply-patch+') === true ? 'APPLY' : 'PATCH';
    default:
      return 'OTHER';
  }
}

/** By the path: a list of the one object that a selector names is one of its namespace. */
const scopeOf = ({ verb, namespace }: RequestInfo, { namespaced }: KindRow): 'resource' | 'namespace' | 'cluster' =>
  !collectionVerbs.has(verb) ? 'resource' : namespaced && namespace !== '' ? 'namespace' : 'cluster';

const dryRunLabel = (values: readonly string[]): string =>
  values.length === 0 ? '' : values.every((one) => one === 'All') ? 'All' : 'invalid';

/** Paths that are no resources and are measured all the same, as far as upstream does so. */
function pathLabels(path: string): { readonly component: string; readonly subresource: string } | undefined {
  switch (path) {
    case '/healthz':
    case '/livez':
    case '/readyz':
      return { component: '', subresource: path };
    case '/api':
    case '/apis':
      return { component: 'apiserver', subresource: path.slice(1) };
    case '/openapi/v2':
    case '/openapi/v3':
      return { component: '', subresource: path.slice(1) };
    default:
      return path.startsWith('/openapi/v3/') ? { component: '', subresource: 'openapi/v3/' } : undefined;
  }
}

const systemClients = new Set([
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'cluster-policy-controller',
]);
/** In the process, parts are known by who they are. */
const systemIdentities: Readonly<Record<string, string>> = {
  'system:apiserver': 'kube-apiserver',
  'system:kube-controller-manager': 'kube-controller-manager',
  'system:kube-scheduler': 'kube-scheduler',
};

const identityClients = new WeakMap<Identity, string>();
function clientOfIdentity(identity: Identity): string {
  let client = identityClients.get(identity);
  if (client === undefined) {
    const { name } = identity;
    client =
      (Object.hasOwn(systemIdentities, name) ? systemIdentities[name] : undefined) ??
      (name.startsWith('system:serviceaccount:kube-system:') ? 'kube-controller-manager' : '');
    identityClients.set(identity, client);
  }
  return client;
}

function systemClientOf({ identity, headers }: ApiRequest): string {
  if (identity !== undefined) return clientOfIdentity(identity);
  const agent = headers['user-agent'];
  if (agent === undefined) return '';
  const first = agent.charCodeAt(0);
  // Nearly nobody: `k` and `c` are what the names begin with.
  if (first !== 107 && first !== 99) return '';
  const end = agent.indexOf('/');
  const name = end < 0 ? '' : agent.slice(0, end);
  return systemClients.has(name) ? name : '';
}

interface Labels {
  readonly component: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: string;
  readonly verb: string;
}

/** Of requests that are alike: counted, not looked up. */
export interface RequestSeries {
  /** Of the answers that readers get over the network; undefined for writes. */
  readonly sizes: (() => Observer) | undefined;
  /** `ownSeconds`: without what others took: webhooks, and the wait for a turn. */
  done(request: ApiRequest, code: number, seconds: number, ownSeconds: number): void;
}

interface RowSeries {
  /** By verb, then scope: without subresource, for good. */
  readonly plain: Map<string, RequestSeries>;
  readonly others: Map<string, RequestSeries>;
}

export interface RequestRecorder {
  /** Undefined: upstream does not measure it, and its path is anybody's text. */
  seriesOf(request: ApiRequest, info: RequestInfo, row: KindRow | undefined): RequestSeries | undefined;
  onInFlight(verb: string, change: 1 | -1): void;
  /** Ended by the server itself, to protect it: too many requests, out of time. */
  onTerminated(request: ApiRequest, info: RequestInfo, row: KindRow | undefined, code: number): void;
  onBody(info: RequestInfo, bytes: number): void;
  onDeprecated(row: KindRow, subresource: string, removedRelease: string): void;
  /** Of one kind's watches over the network: an observation an event. */
  watchEvents(row: KindRow): Observer;
}

const requestLabels = ['component', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'] as const;

export function requestMetrics(registry: MetricRegistry): RequestRecorder {
  const total = registry.counter('apiserver_request_total', 'Requests by what they asked for and their answer.', [
    'code',
    'dry_run',
    'system_client',
    ...requestLabels,
  ]);
  const durations = registry.histogram(
    'apiserver_request_duration_seconds',
    'Seconds from a request to its answer.',
    durationBoundsSeconds,
    ['dry_run', ...requestLabels],
  );
  const ownDurations = registry.histogram(
    'apiserver_request_sli_duration_seconds',
    'Seconds from a request to its answer, without those of webhooks and of the wait for a turn.',
    durationBoundsSeconds.slice(2),
    requestLabels,
  );
  const sizes = registry.histogram(
    'apiserver_response_sizes',
    'Bytes of answers to readers.',
    sizeBoundsBytes,
    requestLabels,
  );
  const bodies = registry.histogram('apiserver_request_body_size_bytes', 'Bytes of bodies.', bodyBoundsBytes, [
    'group',
    'resource',
    'verb',
  ]);
  const own = registry.counter('apiserver_selfrequest_total', "The API server's requests to itself.", [
    'group',
    'resource',
    'subresource',
    'verb',
  ]);
  const terminations = registry.counter(
    'apiserver_request_terminations_total',
    'Requests that the server ended to protect itself.',
    ['code', ...requestLabels],
  );
  const inFlight = registry.gauge('apiserver_current_inflight_requests', 'Requests in work.', ['request_kind']);
  const reading = inFlight.with({ request_kind: 'readOnly' });
  const writing = inFlight.with({ request_kind: 'mutating' });
  const deprecated = registry.gauge('apiserver_requested_deprecated_apis', 'Deprecated APIs that were asked for.', [
    'group',
    'removed_release',
    'resource',
    'subresource',
    'version',
  ]);
  const eventSizes = registry.histogram(
    'apiserver_watch_events_sizes',
    'Bytes of events that watchers were sent.',
    exponentialBounds(1_024, 2, 8),
    ['group', 'resource', 'version'],
  );
  const eventCounts = registry.counter('apiserver_watch_events_total', 'Events that watchers were sent.', [
    'group',
    'resource',
    'version',
  ]);

  const make = (labels: Labels, dryRun: string): RequestSeries => {
    const all = durations.with({ ...labels, dry_run: dryRun });
    const ownOnes = dryRun === '' ? ownDurations.with(labels) : undefined;
    /** By the client's name, and then by code: nearly all are of no system client. */
    const byCode = new Map<number, Value>();
    const byClient = new Map<string, Map<number, Value>>([['', byCode]]);
    const { group, resource, subresource, verb } = labels;
    let ownSizes: Observer | undefined;
    return {
      sizes: verb === 'GET' || verb === 'LIST' ? () => (ownSizes ??= sizes.with(labels)) : undefined,
      done(request, code, seconds, ownSeconds) {
        const client = systemClientOf(request);
        let codes = client === '' ? byCode : byClient.get(client);
        if (codes === undefined) byClient.set(client, (codes = new Map()));
        let count = codes.get(code);
        if (count === undefined) {
          const one = total.with({ ...labels, code: String(code), dry_run: dryRun, system_client: client });
          codes.set(code, (count = one));
        }
        count.value++;
        if (client === 'kube-apiserver') own.with({ group, resource, subresource, verb }).add();
        all.observe(seconds);
        ownOnes?.observe(ownSeconds);
      },
    };
  };
  const byRow = new WeakMap<KindRow, RowSeries>();
  const byPath = new Map<string, RequestSeries>();

  const labelsOf = (request: ApiRequest, info: RequestInfo, row: KindRow): Labels => ({
    component: 'apiserver',
    group: row.group,
    version: row.version,
    resource: row.resource,
    subresource: info.subresource,
    scope: scopeOf(info, row),
    verb: verbLabel(request, info),
  });
  const ofPath = (request: ApiRequest, path: string): RequestSeries | undefined => {
    const labels = pathLabels(path);
    if (labels === undefined) return undefined;
    const method = knownMethods.has(request.method) ? request.method.replace('HEAD', 'GET') : 'OTHER';
    const key = `${method} ${labels.subresource}`;
    let series = byPath.get(key);
    if (series === undefined) {
      const nothing = { group: '', version: '', resource: '', scope: '' };
      byPath.set(key, (series = make({ ...nothing, ...labels, verb: method }, '')));
    }
    return series;
  };

  return {
    seriesOf(request, info, row) {
      if (!info.isResource) return ofPath(request, info.path);
      if (row === undefined) return undefined;
      let series = byRow.get(row);
      if (series === undefined) byRow.set(row, (series = { plain: new Map(), others: new Map() }));
      const isPlain = info.subresource === '' && info.verb !== 'patch' && request.query.size === 0;
      // Without a query and a subresource, the verb and whether there is a namespace are all that differs.
      if (isPlain && (info.namespace !== '' || !row.namespaced)) {
        let one = series.plain.get(info.verb);
        if (one === undefined) series.plain.set(info.verb, (one = make(labelsOf(request, info, row), '')));
        return one;
      }
      // A path names what it likes: only what there is makes a series.
      if (info.subresource !== '' && !Object.hasOwn(row.subresources, info.subresource)) return undefined;
      const dryRun = request.query.size === 0 ? '' : dryRunLabel(request.query.getAll('dryRun'));
      const labels = labelsOf(request, info, row);
      const key = `${labels.verb} ${labels.scope} ${labels.subresource} ${dryRun}`;
      let one = series.others.get(key);
      if (one === undefined) series.others.set(key, (one = make(labels, dryRun)));
      return one;
    },
    onInFlight(verb, change) {
      (readVerbs.has(verb) ? reading : writing).value += change;
    },
    onTerminated(request, info, row, code) {
      if (row !== undefined) terminations.with({ ...labelsOf(request, info, row), code: String(code) }).add();
    },
    onBody: ({ group, resource, verb }, bytes) => bodies.with({ group, resource, verb }).observe(bytes),
    onDeprecated({ group, version, resource }, subresource, removedRelease) {
      deprecated.with({ group, removed_release: removedRelease, resource, subresource, version }).set(1);
    },
    watchEvents({ group, version, resource }) {
      const labels = { group, resource, version };
      const count = eventCounts.with(labels);
      const sizesOfKind = eventSizes.with(labels);
      return {
        observe(bytes) {
          count.value++;
          sizesOfKind.observe(bytes);
        },
      };
    },
  };
}
