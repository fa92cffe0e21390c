// Backups by schedule, where backup.folder asks for them.
import { OperatorError } from '#base/errors.ts';
import { familyText } from '#base/metrics/families.ts';
import type { Scope } from '#base/scope.ts';
import { freeBytes } from '#host/file-size.ts';
import { clusterOf, makeBackupOfRunning } from '../backup/for-socket.ts';
import type { ScheduledBackups } from '../backup/scheduled.ts';
import type { AssemblyContext } from '../parts.ts';

export async function startBackups(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { live } = context;
  let backups: ScheduledBackups | undefined;
  let loading: Promise<ScheduledBackups> | undefined;
  // Loaded only where somebody wants them.
  const look = (): void =>
    scope.spawn('looking at backup.folder', async () => {
      loading ??= load(context, scope);
      backups = await loading;
      await backups.start();
    });
  if (!context.keepsState) return () => [];
  const following = live.onChange((one) => one.backup, look);
  scope.onClose(() => following[Symbol.dispose]());
  if (live.current.backup.folder !== '') look();
  return () => backups?.problems() ?? [];
}

async function load(context: AssemblyContext, scope: Scope): Promise<ScheduledBackups> {
  const { live, parts, files, clock, logger, metrics } = context;
  const [{ ScheduledBackups }, { parseSchedule }] = await Promise.all([
    import('../backup/scheduled.ts'),
    import('#controllers/cronjob/schedule.ts'),
  ]);
  const room = parts.take('storeRoom');
  const backups = new ScheduledBackups({
    configuration: () => live.current.backup,
    nodeName: context.configuration.nodeName,
    cluster: () => clusterOf(context),
    async checkRoom(folder) {
      const { usage, isShort } = room();
      if (isShort) throw new OperatorError('there is no room for more data', 'See what storage says in the status.');
      const needed = live.current.datastore.diskReserveBytes + (usage?.usedBytes ?? 0);
      const free = await freeBytes(folder);
      if (free < needed)
        throw new OperatorError(
          `the disk of ${folder} has ${megabytes(free)} left, and ${megabytes(needed)} are needed, the reserve of datastore.diskReserveMB included`,
          'Make room there.',
        );
    },
    make: (target) => makeBackupOfRunning(context, target),
    parseSchedule: (text) => parseSchedule(text, undefined),
    files,
    clock,
    logger,
  });
  scope.onClose(() => backups[Symbol.dispose]());
  parts.provide('scheduledBackups', backups);
  const name = 'microshift_backup_last_success_timestamp_seconds';
  metrics.add({
    name,
    text() {
      const lastAtMs = backups.state()?.lastAtMs;
      return lastAtMs === undefined
        ? ''
        : familyText(name, 'gauge', 'When the last backup by schedule was made.', [['', {}, lastAtMs / 1000]]);
    },
  });
  return backups;
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MB`;
