// The store on an etcd cluster, beside other API servers, with Secrets encrypted before they go there.
import type { Scope } from '#base/scope.ts';
import { encryptionKeyFile } from '../backup/contents.ts';
import { ApiServers } from '../api-servers.ts';
import { clusterOf, etcdOptions, openWhenPossible } from '../datastore/etcd.ts';
import type { AssemblyContext } from '../parts.ts';

export async function startEtcdStorage(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, files, random, stopping } = context;
  const etcd = configuration.datastore.etcd!;
  const [{ openEtcdStore }, { openSealing }] = await Promise.all([
    import('#storage/etcd/store.ts'),
    import('#storage/sealing/sealing-key.ts'),
  ]);
  logger.info('objects are on etcd', { members: etcd.members.join(',') });
  const file = encryptionKeyFile(configuration.dataDirectory);
  // Tokens and everything that follows from them: who does not have this key is another cluster.
  const cluster = clusterOf(context.parts.take('pki').serviceAccountKey.publicKeyPem);
  let opening: readonly string[] = [];
  context.showProblems(() => opening);
  const store = await openWhenPossible({
    // All of it anew each time: files may have been put right meanwhile.
    open: async () => {
      const [options, ring] = await Promise.all([
        etcdOptions(etcd, files),
        openSealing({ file, files, random, clock }),
      ]);
      const opened = await openEtcdStore({
        ...options,
        clock,
        logger,
        sealing: ring,
        cluster,
        keepKey: () => ring.keep(),
        compacts: true,
      });
      await ring.keep();
      return opened;
    },
    clock,
    logger,
    stopping,
    show: (problems) => (opening = problems),
  });
  scope.onClose(() => store.close());
  context.parts.provide('store', store);
  const apiServers = new ApiServers({ store, address: context.parts.take('nodeAddress'), clock, logger });
  await apiServers.start();
  scope.onClose(() => apiServers.close());
  context.parts.provide('apiServers', apiServers);
  return () => store.problems();
}
