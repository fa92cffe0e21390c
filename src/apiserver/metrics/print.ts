// GET /metrics: what was recorded, what can be counted when somebody asks, and the process itself. GET /metrics/slis: health.
import { storagePrefix } from '#api/kinds.ts';
import { featureGateStates } from '#rules/feature-gates.ts';
import type { Server } from '../context.ts';
import type { ReadinessCheck } from '../options.ts';
import { flowControlMetrics } from '../flow-control/metrics.ts';
import { familyText, type Line } from '#base/metrics/families.ts';

/** Of every kind that is stored. */
function objectCounts({ kinds, options: { store } }: Server): string {
  const counts = new Map<string, { readonly group: string; readonly resource: string; readonly count: number }>();
  for (const row of kinds.rows) {
    const { group, resource } = row;
    const name = group === '' ? resource : `${resource}.${group}`;
    if (row.storage !== undefined && !counts.has(name))
      counts.set(name, { group, resource, count: store.count(storagePrefix(row)) });
  }
  const byResource = [...counts].map(([resource, { count }]): Line => ['', { resource }, count]);
  const byGroup = [...counts.values()].map(({ group, resource, count }): Line => ['', { group, resource }, count]);
  return (
    familyText('apiserver_storage_objects', 'gauge', 'Stored objects.', byResource) +
    familyText('apiserver_resource_objects', 'gauge', 'Stored objects.', byGroup)
  );
}

const watchCounts = ({ watches }: Server): string =>
  familyText(
    'apiserver_longrunning_requests',
    'gauge',
    'Watches that go on.',
    [...watches.all()].map(({ group, version, resource, scope, count }): Line => {
      const labels = { component: 'apiserver', group, resource, scope, subresource: '', verb: 'WATCH', version };
      return ['', labels, count];
    }),
  );

function buildInfo({ version }: Server['options']): string {
  const labels = {
    build_date: version.buildDate,
    compiler: version.compiler,
    git_commit: version.gitCommit,
    git_tree_state: version.gitTreeState,
    git_version: version.gitVersion,
    go_version: version.goVersion,
    major: version.major,
    minor: version.minor,
    platform: version.platform,
  };
  return familyText('kubernetes_build_info', 'gauge', 'What runs here.', [['', labels, 1]]);
}

function healthChecks({ health }: Server): string {
  const lines = Object.entries(health).flatMap(([type, checks]: [string, readonly ReadinessCheck[]]) =>
    checks.map((one): Line => ['', { name: one.name, type }, one.check() === undefined ? 1 : 0]),
  );
  return familyText('kubernetes_healthcheck', 'gauge', 'Whether a check is well.', lines);
}

const featureGates = ({ gates }: Server): string =>
  familyText(
    'kubernetes_feature_enabled',
    'gauge',
    'Whether a feature gate is on.',
    featureGateStates(gates.changed).map(({ name, stage, isOn }): Line => ['', { name, stage }, isOn ? 1 : 0]),
  );

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';

export async function printMetrics(server: Server): Promise<string> {
  const { processFamilies } = await import('#host/process-metrics.ts');
  return (
    server.metrics.registry.text() +
    objectCounts(server) +
    watchCounts(server) +
    flowControlMetrics(server.flowControl) +
    buildInfo(server.options) +
    featureGates(server) +
    processFamilies()
      .map((one) => one.text())
      .join('')
  );
}

/** Upstream's path for what service level indicators are made from. */
export const printServiceLevels = (server: Server): string => healthChecks(server) + server.metrics.health.text();
