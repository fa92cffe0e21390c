// The embedded store of this machine.
import path from 'node:path';
import type { Scope } from '#base/scope.ts';
import type { AssemblyContext } from '../parts.ts';

export async function startStorage(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, files } = context;
  const { openSqliteStore } = await import('#storage/sqlite/store.ts');
  const directory = path.join(configuration.dataDirectory, 'storage');
  await files.makeDirectory(directory, 0o700);
  const store = await openSqliteStore({ path: path.join(directory, 'cluster.sqlite'), clock, logger });
  scope.onClose(() => store.close());
  context.parts.provide('store', store);
  return () => store.problems();
}
