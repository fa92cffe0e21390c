// The API server on the store, behind TLS; and the client that the rest of the process uses.
import { closedByGates } from '#rules/runtime-config.ts';
import { featureGates } from '#api/feature-gates.ts';
import type { Scope } from '#base/scope.ts';
import { OutgoingConnections } from '#host/outgoing-connector.ts';
import { podConnector } from '#host/pod-connector.ts';
import type { LeafName } from '#pki/plan.ts';
import { createTokenKey } from '#pki/token-signer.ts';
import type { AssemblyContext } from '../parts.ts';
import { tlsSettings } from '../tls-settings.ts';
import { versionInfo } from '../version.ts';
import { followAccess } from '../access-files.ts';
import { allowedOrigins } from '../allowed-origins.ts';
import { AuditLog } from '../audit-log.ts';
import { createNodeConnector } from '../node-connector.ts';
import { listeningError } from './listening-error.ts';

/** What a request in work may take when the process is to end; the unit's TimeoutStopSec is three times that. */
const graceMs = 10_000;
export const tokenIssuer = 'https://kubernetes.default.svc';

export async function startApiServer(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, random, logger, parts } = context;
  const { cluster } = configuration;
  const [{ createApiServer }, { startHttpsFront }, { createInProcessClient }] = await Promise.all([
    import('#apiserver/api-server.ts'),
    import('#apiserver/https-front.ts'),
    import('#client/in-process.ts'),
  ]);
  const pki = parts.take('pki');
  const tokenKey = createTokenKey(pki.serviceAccountKey.privateKeyPem);
  const audit = new AuditLog(context);
  scope.onClose(() => audit.close());
  const outgoing = new OutgoingConnections();
  scope.onClose(() => outgoing.close());
  const serviceAccountTokens = {
    issuer: tokenIssuer,
    audiences: [tokenIssuer],
    publicKeys: () => [{ id: tokenKey.id, key: tokenKey.publicKey }],
    signer: tokenKey,
  };
  const access = await followAccess(context, scope, { outgoing, clock, random, logger, serviceAccountTokens });
  const gates = featureGates(new Map(Object.entries(configuration.apiServer.featureGates.changed)));
  const server = createApiServer({
    store: parts.take('store'),
    clock,
    random,
    logger,
    version: versionInfo(),
    runtimeConfig: configuration.apiServer.runtimeConfig,
    featureGates: gates,
    serviceAccountTokens,
    access: access.current,
    serviceCidrs: cluster.serviceRanges,
    nodePortRange: { from: cluster.nodePorts.first, to: cluster.nodePorts.last },
    clusterDomain: cluster.domain,
    routeDomain: `apps.${configuration.dns.baseDomain}`,
    clusterAuthorities: pki.bundle('client'),
    publishesServiceCa: true,
    nodes: createNodeConnector(pki, () => parts.take('systemClient')),
    pods: podConnector,
    outgoing,
    frontProxy: () => pki.leaf('aggregator-client'),
    stopping: context.stopping,
    readinessChecks: [{ name: 'storage', check: () => problemOf('storage') }],
    startProgress: {
      bootstrapObjects: () => parts.has('bootstrapped'),
      ownObjects: () => parts.has('ownObjectsKept'),
    },
    components: [
      { name: 'etcd-0', check: () => problemOf('storage') },
      { name: 'controller-manager', check: () => problemOf('controllers') },
      { name: 'scheduler', check: () => problemOf('scheduler') },
    ],
    allowsOrigin: await allowedOrigins(configuration.apiServer.corsAllowedOrigins),
    audit,
    metrics: context.metrics,
  });
  scope.onClose(() => server.close());
  parts.provide('apiServer', server);
  parts.provide('clientAs', (name, groups = []) => {
    const client = createInProcessClient({
      handler: server,
      identity: { name, groups: [...identityGroups(name), ...groups] },
      clock,
      random,
      logger: logger.named('client'),
      userAgent: `microshift/${name}`,
    });
    scope.onClose(() => client.close());
    return client;
  });
  parts.provide('systemClient', parts.take('clientAs')('system:apiserver', ['system:masters']));
  const certificateOf = (leaf: LeafName) => {
    const { certificatePem, keyPem } = pki.leaf(leaf);
    return { certificateChain: certificatePem, privateKey: keyPem };
  };
  const serving = () => ({
    certificate: certificateOf('api-service-network-serving'),
    tls: tlsSettings(context.live.current.apiServer.tls),
    namedCertificates: [
      // Whoever gives a certificate for a name wants it instead of ours.
      ...parts.take('namedCertificates').usable.map(({ certificatePem, keyPem, names }) => ({
        certificateChain: certificatePem,
        privateKey: keyPem,
        names,
      })),
      { ...certificateOf('api-localhost-serving'), names: ['localhost'] },
      { ...certificateOf('api-external-serving'), names: pki.names.external },
    ],
    clientAuthorities: pki.bundle('client'),
    frontProxyAuthorities: pki.bundle('requestHeader'),
  });
  const front = await startHttpsFront({
    address: '0.0.0.0',
    port: cluster.port,
    ...serving(),
    handler: server,
    logger,
  }).catch((error: unknown) => {
    throw listeningError(
      error,
      cluster.port,
      'the API server',
      `cluster.url in the configuration file, or MICROSHIFT_CLUSTER_URL=${cluster.url.replace(/:\d+$/, ':16443')}`,
    );
  });
  const reload = () => front.reload(serving());
  const reasons = [
    pki.onChange(reload),
    parts.take('namedCertificates').onChange(reload),
    context.live.onChange((one) => one.apiServer.tls, reload),
  ];
  scope.onClose(async () => {
    for (const one of reasons) one[Symbol.dispose]();
    // In this order: who lists again because the watch has ended finds nobody listening.
    const closed = front.close(graceMs);
    server.endWatches();
    await closed;
  });

  const { withoutEffect } = configuration.apiServer.featureGates;
  const closed = closedByGates(configuration.apiServer.runtimeConfig, gates).map(
    ({ name, gate }) => `${name} (${gate})`,
  );
  const gateProblems = [
    ...(withoutEffect.length === 0
      ? []
      : [`feature gates that are set and change nothing here: ${withoutEffect.join(', ')}`]),
    ...(closed.length === 0
      ? []
      : [`apiServer.runtimeConfig asks for what is served only with its feature gate: ${closed.join(', ')}`]),
  ];
  for (const problem of gateProblems) logger.warn(problem);
  return () => [...gateProblems, ...audit.problems(), ...access.problems()];

  function problemOf(service: string): string | undefined {
    const found = context.problems().filter((one) => one.service === service);
    return found.length === 0 ? undefined : found.map((one) => one.problem).join('; ');
  }
}

/** What authentication would say of such a user. */
function identityGroups(name: string): readonly string[] {
  const namespace = /^system:serviceaccount:([^:]+):/.exec(name)?.[1];
  return [
    ...(namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]),
    ...(name.startsWith('system:node:') ? ['system:nodes'] : []),
    'system:authenticated',
  ];
}
