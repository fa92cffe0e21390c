// The store on an etcd cluster, beside other API servers, with Secrets encrypted before they go there.
import path from 'node:path';
import type { Scope } from '#base/scope.ts';
import { etcdOptions, openWhenPossible } from '../datastore/etcd.ts';
import type { AssemblyContext } from '../parts.ts';

export async function startEtcdStorage(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, files, random, stopping } = context;
  const etcd = configuration.datastore.etcd!;
  const [{ openEtcdStore }, { openSealing }] = await Promise.all([
    import('#storage/etcd/store.ts'),
    import('#storage/sealing/sealing-key.ts'),
  ]);
  logger.info('objects are on etcd', { members: etcd.members.join(',') });
  const file = path.join(configuration.dataDirectory, 'secrets.key');
  let opening: readonly string[] = [];
  context.showProblems(() => opening);
  const store = await openWhenPossible({
    // All of it anew each time: files may have been put right meanwhile.
    open: async () => {
      const [options, { sealing, keep }] = await Promise.all([
        etcdOptions(etcd, files),
        openSealing({ file, files, random }),
      ]);
      const opened = await openEtcdStore({ ...options, clock, logger, sealing, compacts: true });
      await keep();
      return opened;
    },
    clock,
    logger,
    stopping,
    show: (problems) => (opening = problems),
  });
  scope.onClose(() => store.close());
  context.parts.provide('store', store);
  return () => store.problems();
}
