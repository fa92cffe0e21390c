// The embedded store of this machine, with its Secrets encrypted; or one that keeps nothing.
import { familyText } from '#base/metrics/families.ts';
import { fileBytes } from '#host/file-size.ts';
import type { Scope } from '#base/scope.ts';
import type { Encryption as EncryptionPart } from '../datastore/encryption.ts';
import { openDatastore } from '../datastore/open.ts';
import { noticeText } from '../datastore/repair.ts';
import { checkCopy, keepSnapshots } from '../datastore/snapshots.ts';
import { encryptionKeyFile, storeDirectory, storeFile } from '../backup/contents.ts';
import type { AssemblyContext } from '../parts.ts';

export async function startStorage(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, live, clock, logger, files, random } = context;
  if (!context.keepsState) {
    const { createMemoryStore } = await import('#storage/memory/store.ts');
    const store = createMemoryStore({ clock, logger, freeze: false });
    scope.onClose(() => store.close());
    context.parts.provide('store', store);
    return () => [];
  }
  const [{ openSqliteStore }, { openSealing }, { Encryption }] = await Promise.all([
    import('#storage/sqlite/store.ts'),
    import('#storage/sealing/sealing-key.ts'),
    import('../datastore/encryption.ts'),
  ]);
  const directory = storeDirectory(configuration.dataDirectory);
  await files.makeDirectory(directory, 0o700);
  const keyFile = encryptionKeyFile(configuration.dataDirectory);
  const ring = await openSealing({ file: keyFile, files, random, clock });
  const data = storeFile(configuration.dataDirectory);
  let opening: readonly string[] = [];
  context.showProblems(() => opening);
  const { store, notice, isRepaired } = await openDatastore({
    directory,
    onDamage: configuration.datastore.onDamage,
    open: () => openSqliteStore({ path: data, clock, logger, sealing: ring, room: () => live.current.datastore }),
    files,
    clock,
    logger,
    stopping: context.stopping,
    show: (problems) => (opening = problems),
  });
  scope.onClose(() => store.close());
  const noticed = notice === undefined ? [] : [noticeText(notice, directory)];
  if (isRepaired) context.parts.provide('datastoreRepaired', noticed.join());
  const reserveBytes = (): number => live.current.datastore.diskReserveBytes;
  const encryption = new Encryption({ ring, keyFile, directory, store, files, clock, logger, reserveBytes });
  const exclusively: EncryptionPart['exclusively'] = (work) => encryption.exclusively(work);
  const snapshots = keepSnapshots(directory, store, { files, clock, logger, reserveBytes, exclusively });
  scope.onClose(() => snapshots[Symbol.dispose]());
  await ring.keep();
  await encryption.check();
  // Beside the start: what was interrupted takes nothing from it. A failure is in the log, and is tried again at the next start.
  scope.spawn('interrupted rotation', () => encryption.finish().catch(() => {}));
  context.parts.provide('encryption', encryption);
  context.parts.provide('store', store);
  context.parts.provide('storeRoom', () => store.room());
  context.parts.provide('copyStore', async (target) => {
    const revision = await store.copyTo(target);
    // A file that was damaged while it was in use is no backup.
    await checkCopy(target);
    return revision;
  });
  const size = 'apiserver_storage_size_bytes';
  context.metrics.add({
    name: size,
    // With what was written and is not yet in its place.
    text: () =>
      familyText(size, 'gauge', 'Size of the store on disk.', [
        ['', { storage_cluster_id: 'sqlite-0' }, fileBytes(data) + fileBytes(`${data}-wal`)],
      ]),
  });
  const gauge = (name: string, help: string, value: () => number | undefined): void =>
    void context.metrics.add({
      name,
      text: () => {
        const now = value();
        return now === undefined ? '' : familyText(name, 'gauge', help, [['', {}, now]]);
      },
    });
  gauge(
    'microshift_datastore_used_bytes',
    'Size of all objects in the data file.',
    () => store.room().usage?.usedBytes,
  );
  gauge(
    'microshift_datastore_quota_bytes',
    'Size from which nothing may grow.',
    () => live.current.datastore.quotaBytes,
  );
  gauge('microshift_datastore_full', '1 while nothing can be created and nothing can grow.', () =>
    store.room().isShort ? 1 : 0,
  );
  return () => [...noticed, ...store.problems(), ...encryption.problems()];
}
