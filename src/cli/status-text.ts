// One screen that says what runs, since when, and what is wrong and why. Pure.
import type { KeyFacts } from '#storage/sealing/sealing-key.ts';
import type { BackupState } from '#assembly/backup/scheduled.ts';
import type { StatusReport } from '#assembly/status.ts';

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

export function keysText(keys: readonly KeyFacts[], now: number): string {
  const [newest, ...older] = keys;
  if (newest === undefined) return 'no key yet';
  const age = newest.madeAt === undefined ? 'of unknown age' : `${duration(now - Date.parse(newest.madeAt))} old`;
  const rest = older.length === 0 ? '' : `; being rotated, still needed: key ${older.map(({ id }) => id).join(', ')}`;
  return `Secrets, with key ${newest.id}, ${age}${rest}`;
}

function backupsText({ folder, lastAtMs, nextAtMs }: BackupState, now: number): string {
  const last = lastAtMs === undefined ? 'none yet' : `the last one ${duration(now - lastAtMs)} ago`;
  const next =
    nextAtMs === undefined
      ? ''
      : nextAtMs <= now
        ? ', the next one is due'
        : `, the next one in ${duration(nextAtMs - now)}`;
  return `${folder}, ${last}${next}`;
}

const stateText = {
  waiting: 'waits',
  starting: 'starts',
  ready: 'runs',
  failed: 'FAILED',
  stopped: 'stopped',
} as const;

export function statusText(report: StatusReport, now: number): string {
  const wrong = report.services.flatMap((one) => one.problems.map((problem) => ({ service: one.name, problem })));
  const { files, problem, restartNeeded } = report.configuration;
  if (problem !== undefined) wrong.push({ service: 'configuration', problem });
  const pending = report.services.filter((one) => one.state !== 'ready');
  const verdict =
    pending.length > 0
      ? `starting: ${report.services.length - pending.length} of ${report.services.length} parts run`
      : wrong.length > 0
        ? 'runs, with problems'
        : 'runs, all well';
  const width = Math.max(...report.services.map((one) => one.name.length));
  const lines = [
    `MicroShift ${report.version} (Kubernetes ${report.kubernetesVersion}): ${verdict}`,
    '',
    `  Process      ${report.processId}, since ${new Date(report.startedAtMs).toISOString()} (${duration(report.uptimeMs)}), ${Math.round(report.residentBytes / 1048576)} MB of memory`,
    `  Node         ${report.nodeName}, roles ${report.roles.join(', ')}`,
    `  API server   ${report.apiUrl}`,
    ...(report.containerRuntime === undefined ? [] : [`  Runtime      ${report.containerRuntime}`]),
    `  Data         ${report.dataDirectory}`,
    ...(report.encryptionKeys === undefined ? [] : [`  Encryption   ${keysText(report.encryptionKeys, now)}`]),
    ...(report.backups === undefined ? [] : [`  Backups      ${backupsText(report.backups, now)}`]),
    `  Kubeconfig   ${report.kubeconfig}`,
    `  Configured   ${files.length === 0 ? 'no file: all defaults' : files.join(', ')}`,
    '',
    ...report.services.map((one) => {
      const detail =
        one.state === 'ready'
          ? `since ${duration(now - one.sinceMs)}, started in ${one.startMs} ms`
          : one.state === 'waiting'
            ? `for ${one.waitsFor.join(', ')}`
            : `since ${duration(now - one.sinceMs)}`;
      return `  ${one.name.padEnd(width)}  ${stateText[one.state].padEnd(7)} ${detail}`;
    }),
    '',
    ...(restartNeeded.length === 0
      ? []
      : [
          'A restart is needed for what was changed in the configuration:',
          ...restartNeeded.map((one) => `  ${one.key} (from ${one.source})`),
          '',
        ]),
    ...(wrong.length === 0
      ? []
      : ['What is wrong:', ...wrong.map((one) => `  ${one.service}: ${one.problem.replaceAll('\n', '\n  ')}`)]),
    ...(wrong.length === 0 && pending.length === 0 ? ['Nothing is wrong.'] : []),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
