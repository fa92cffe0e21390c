// Controllers and scheduler, each in its own name.
import { featureGates } from '#api/feature-gates.ts';
import { openedByGates } from '#rules/runtime-config.ts';
import { createTokenKey } from '#pki/token-signer.ts';
import type { Scope } from '#base/scope.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import { certificateSerial } from '#pki/certificate.ts';
import { hostChangesFile, isOwnTree, recordOwnDirectory } from '#host/changes.ts';
import { nodePrefixLength6 } from '../config/cluster-ranges.ts';
import type { AssemblyContext } from '../parts.ts';

/** Of each /16 and the like a node gets a /24, as upstream. */
const nodePrefixLength = 24;

async function eventsOf(context: AssemblyContext, scope: Scope) {
  const { createEventRecorder } = await import('#client/event-recorder.ts');
  return (client: Client, component: string, host?: string): EventRecorder => {
    const recorder = createEventRecorder({
      client,
      component,
      clock: context.clock,
      logger: context.logger,
      ...(host === undefined ? {} : { host }),
    });
    scope.onClose(() => recorder.close());
    return recorder;
  };
}

export async function startControllers(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, files, parts } = context;
  const [{ createControllers }, events] = await Promise.all([
    import('#controllers/service.ts'),
    eventsOf(context, scope),
  ]);
  const { volumeDirectory } = configuration.node;
  const journal = hostChangesFile(configuration.dataDirectory);
  const changes = parts.take('hostChanges');
  const tokenKey = createTokenKey(parts.take('pki').serviceAccountKey.privateKeyPem);
  const service = createControllers({
    client: parts.take('clientAs'),
    events,
    clock,
    logger,
    metrics: context.metrics,
    config: {
      runtimeConfig: openedByGates(
        configuration.apiServer.runtimeConfig,
        featureGates(new Map(Object.entries(configuration.apiServer.featureGates.changed))),
      ),
      signToken: (claims) => tokenKey.signNow(claims),
      rootCaCertificates: () => parts.take('pki').bundle('serving'),
      reservedPorts: new Map([
        [`TCP/${configuration.cluster.port}`, 'the API server'],
        [`TCP/${configuration.node.kubeletPort}`, 'the API of the node'],
      ]),
      clusterNetworks: configuration.cluster.podRanges.map((cidr) => ({
        cidr,
        nodePrefixLength: cidr.includes(':') ? nodePrefixLength6 : nodePrefixLength,
      })),
      certificateSigning: {
        signer: () => parts.take('pki').signer('kube-csr-signer'),
        serial: () => certificateSerial(context.random),
      },
      serviceCa: {
        clusterDomain: configuration.cluster.domain,
        serial: () => certificateSerial(context.random),
      },
      volumeDirectories: {
        root: volumeDirectory,
        nodeName: configuration.nodeName,
        make: async (path) => {
          // A directory that was there before us holds other things, too: then each volume is noted, else the whole.
          if (!isOwnTree(journal, volumeDirectory)) {
            if (await files.exists(volumeDirectory)) changes.record({ type: 'tree', path });
            else recordOwnDirectory(changes, volumeDirectory);
          }
          await files.makeDirectory(volumeDirectory, 0o711);
          await files.makeDirectory(path, 0o777);
        },
        remove: (path) => files.remove(path),
      },
    },
  });
  await service.start(scope);
  return () => service.problems?.() ?? [];
}

export async function startScheduler(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { clock, random, logger, metrics, parts } = context;
  const [{ createScheduler }, events] = await Promise.all([
    import('#scheduler/scheduler.ts'),
    eventsOf(context, scope),
  ]);
  const client = parts.take('clientAs')('system:kube-scheduler');
  const service = createScheduler({
    client,
    events: events(client, 'default-scheduler'),
    clock,
    random,
    logger,
    metrics,
  });
  await service.start(scope);
  return () => service.problems?.() ?? [];
}
export { eventsOf };
