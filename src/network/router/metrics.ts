// HAProxy's statistics under the names and labels of OpenShift's router. Pure but for what it remembers: HAProxy counts anew with
// each reload, and the counters that are told go on.

export interface BackendLabels {
  readonly namespace: string;
  readonly route: string;
  /** Upstream's word for the kind: http, https-edge, https, tcp. */
  readonly mode: string;
  /** What is in the slot of that number, from 1 on. */
  readonly server: (
    slot: number,
  ) => { readonly server: string; readonly pod: string; readonly service: string } | undefined;
}

type Type = 'frontend' | 'backend' | 'server';
interface Column {
  readonly name: string;
  readonly help: string;
  readonly on: readonly Type[];
  readonly code?: string;
  readonly counts?: boolean;
}
const everywhere: readonly Type[] = ['frontend', 'backend', 'server'];
const behind: readonly Type[] = ['backend', 'server'];
const responses = (code: string): Column => ({
  name: 'http_responses_total',
  help: 'Total of HTTP responses.',
  on: everywhere,
  code,
  counts: true,
});
/** By the number of HAProxy's column. */
const columns: ReadonlyMap<number, Column> = new Map<number, Column>([
  [2, { name: 'current_queue', help: 'Requests that wait for a server.', on: behind }],
  [4, { name: 'current_sessions', help: 'Current number of active sessions.', on: everywhere }],
  [5, { name: 'max_sessions', help: 'Maximum observed number of active sessions.', on: everywhere }],
  [7, { name: 'connections_total', help: 'Total number of connections.', on: behind, counts: true }],
  [8, { name: 'bytes_in_total', help: 'Current total of incoming bytes.', on: everywhere, counts: true }],
  [9, { name: 'bytes_out_total', help: 'Current total of outgoing bytes.', on: everywhere, counts: true }],
  [13, { name: 'connection_errors_total', help: 'Total of connection errors.', on: behind, counts: true }],
  [14, { name: 'response_errors_total', help: 'Total of response errors.', on: behind, counts: true }],
  [17, { name: 'up', help: 'Current health status (1 = UP, 0 = DOWN).', on: behind }],
  [21, { name: 'check_failures_total', help: 'Total number of failed health checks.', on: ['server'], counts: true }],
  [24, { name: 'downtime_seconds_total', help: 'Total downtime in seconds.', on: ['server'], counts: true }],
  [33, { name: 'current_session_rate', help: 'Sessions in the last second.', on: everywhere }],
  [35, { name: 'max_session_rate', help: 'Maximum observed number of sessions per second.', on: everywhere }],
  [39, responses('1xx')],
  [40, responses('2xx')],
  [41, responses('3xx')],
  [42, responses('4xx')],
  [43, responses('5xx')],
  [44, responses('other')],
  [58, { name: 'http_average_queue_latency_milliseconds', help: 'Of the last 1024 requests.', on: behind }],
  [59, { name: 'http_average_connect_latency_milliseconds', help: 'Of the last 1024 requests.', on: behind }],
  [60, { name: 'http_average_response_latency_milliseconds', help: 'Of the last 1024 requests.', on: behind }],
  [79, { name: 'connections_total', help: 'Total number of connections.', on: ['frontend'], counts: true }],
  [85, { name: 'connections_reused_total', help: 'Connections used again.', on: behind, counts: true }],
]);
/** Of backends whose servers are told one by one; the rest is their sum. */
const reducedColumns = new Set([2, 7, 17]);
/** With more servers, only backends are told. */
const serversMax = 500;

interface Row {
  readonly type: Type;
  readonly backend: string;
  readonly server: string;
  readonly values: ReadonlyMap<number, number>;
  readonly connectionsMax: number | undefined;
}
const types: Readonly<Record<string, Type>> = { 0: 'frontend', 1: 'backend', 2: 'server' };

export function parseStatistics(text: string): readonly Row[] {
  return text.split('\n').flatMap((line): readonly Row[] => {
    const fields = line.split(',');
    const type = types[fields[32] ?? ''];
    if (line.startsWith('#') || fields.length < 52 || type === undefined) return [];
    const values = new Map<number, number>();
    for (const number of columns.keys()) {
      const field = fields[number] ?? '';
      if (field === '') continue;
      const value = number === 17 ? (/^(?:UP|OPEN|no check)/.test(field) ? 1 : 0) : Number(field);
      if (Number.isFinite(value)) values.set(number, value);
    }
    const limit = fields[6] ?? '';
    return [
      {
        type,
        backend: fields[0] ?? '',
        server: fields[1] ?? '',
        values,
        connectionsMax: limit === '' ? undefined : Number(limit),
      },
    ];
  });
}

export class RouterMetrics {
  /** What HAProxy counted before its last reload, by row and column. */
  #before = new Map<string, Map<number, number>>();
  #scrapes = 0;

  /** Before a reload: its new worker begins at zero. Rows of Routes that are gone are forgotten one reload later. */
  remember(text: string): void {
    const next = new Map<string, Map<number, number>>();
    for (const row of parseStatistics(text)) {
      const sums = new Map<number, number>();
      for (const [number, value] of row.values)
        if (columns.get(number)?.counts === true && value + this.#baseOf(row, number) > 0)
          sums.set(number, value + this.#baseOf(row, number));
      if (sums.size > 0) next.set(keyOf(row), sums);
    }
    this.#before = next;
  }

  #baseOf(row: Row, number: number): number {
    return this.#before.get(keyOf(row))?.get(number) ?? 0;
  }

  /** The text of Prometheus. `text`: of `show stat`; undefined: HAProxy does not answer. */
  print(text: string | undefined, labelsOf: (backend: string) => BackendLabels | undefined): string {
    this.#scrapes++;
    const rows = text === undefined ? [] : parseStatistics(text);
    const servers = rows.filter((row) => row.type === 'server' && labelsOf(row.backend) !== undefined).length;
    const families = new Map<string, { help: string; lines: string[] }>();
    const add = (name: string, help: string, labels: Readonly<Record<string, string>>, value: number): void => {
      let family = families.get(name);
      if (family === undefined) families.set(name, (family = { help, lines: [] }));
      const inside = Object.entries(labels).map(([key, one]) => `${key}="${escaped(one)}"`);
      family.lines.push(`${name}${inside.length === 0 ? '' : `{${inside.join(',')}}`} ${value}`);
    };
    add('haproxy_up', 'Was the last scrape of haproxy successful.', {}, text === undefined ? 0 : 1);
    add('haproxy_exporter_total_scrapes', 'Current total HAProxy scrapes.', {}, this.#scrapes);
    const threshold = 'Number of servers tracked and the current threshold value.';
    add('haproxy_exporter_server_threshold', threshold, { type: 'current' }, servers);
    add('haproxy_exporter_server_threshold', threshold, { type: 'limit' }, serversMax);
    const limit = rows.find((row) => row.type === 'frontend' && row.backend === 'public')?.connectionsMax;
    if (limit !== undefined)
      add('haproxy_max_connections', 'Concurrent connections that HAProxy takes at most.', {}, limit);
    for (const row of rows) {
      const labels = labelsOfRow(row, labelsOf);
      if (labels === undefined || (row.type === 'server' && servers > serversMax)) continue;
      const reduced = row.type === 'backend' && servers <= serversMax && labelsOf(row.backend) !== undefined;
      for (const [number, value] of row.values) {
        const column = columns.get(number)!;
        if (!column.on.includes(row.type) || (reduced && !reducedColumns.has(number))) continue;
        add(
          `haproxy_${row.type}_${column.name}`,
          column.help,
          column.code === undefined ? labels : { ...labels, code: column.code },
          value + this.#baseOf(row, number),
        );
      }
    }
    return [...families]
      .map(([name, { help, lines }]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('\n')}\n`)
      .join('');
  }
}

const keyOf = ({ type, backend, server }: Row): string => `${type} ${backend}/${server}`;
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** Undefined: it is nobody's, such as a free slot. */
function labelsOfRow(
  { type, backend, server }: Row,
  labelsOf: (backend: string) => BackendLabels | undefined,
): Readonly<Record<string, string>> | undefined {
  if (type === 'frontend') return { frontend: backend };
  const labels = labelsOf(backend);
  if (type === 'backend')
    return labels === undefined
      ? { backend: `other/${backend}`, namespace: '', route: '' }
      : { backend: labels.mode, namespace: labels.namespace, route: labels.route };
  const inSlot = labels?.server(Number(server.slice(1)));
  if (labels === undefined || inSlot === undefined) return undefined;
  return { ...inSlot, namespace: labels.namespace, route: labels.route };
}
