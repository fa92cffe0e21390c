// The node's network: Pods' bridge, Services' rules, DNS, and the router.
import path from 'node:path';
import { messageOf } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import type { Client } from '#client/client.ts';
import { unprivilegedUser } from '#host/linux/unprivileged-user.ts';
import type { AssemblyContext } from '../parts.ts';
import { followFile } from '../followed-file.ts';
import { podAddressDirectory, runDirectory } from '../paths.ts';

export async function startPodNetwork(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, logger, parts } = context;
  const cluster = parts.take('cluster');
  const { createPodNetwork } = await import('#network/cni/pod-network.ts');
  const service = createPodNetwork({
    // Routes to other nodes need all Nodes; a node's own user may read its own only.
    client: parts.take('clientAs')('system:kube-proxy'),
    logger,
    changes: parts.take('hostChanges'),
    nodeName: configuration.nodeName,
    podRanges: cluster.podRanges,
    serviceRanges: cluster.serviceRanges,
    confDirectory: configuration.node.cniConfigDirectory,
    leaseDirectory: podAddressDirectory,
  });
  await service.start(scope);
  return () => service.problems?.() ?? [];
}

export async function startServiceProxy(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, parts } = context;
  const cluster = parts.take('cluster');
  const [{ createServiceProxy }, { createEventRecorder }] = await Promise.all([
    import('#network/proxy/service-proxy.ts'),
    import('#client/event-recorder.ts'),
  ]);
  const client = parts.take('clientAs')('system:kube-proxy');
  const events = createEventRecorder({
    client,
    component: 'kube-proxy',
    host: configuration.nodeName,
    clock,
    logger,
  });
  scope.onClose(() => events.close());
  const service = createServiceProxy({
    client,
    clock,
    logger,
    events,
    changes: parts.take('hostChanges'),
    nodeName: configuration.nodeName,
    podRanges: cluster.podRanges,
    serviceRanges: cluster.serviceRanges,
    servedHere: [cluster.dnsAddress],
  });
  await service.start(scope);
  return () => service.problems?.() ?? [];
}

export async function startNetworkPolicies(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, parts } = context;
  const { createNetworkPolicies } = await import('#network/policy/network-policies.ts');
  const service = createNetworkPolicies({
    client: parts.take('clientAs')('system:kube-proxy'),
    clock,
    logger,
    changes: parts.take('hostChanges'),
    nodeName: configuration.nodeName,
    podRanges: parts.take('cluster').podRanges,
  });
  await service.start(scope);
  parts.provide('enforcePolicies', (pod, addresses) => service.enforce(pod, addresses));
  return () => service.problems?.() ?? [];
}

export async function startDns(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { clock, logger, parts } = context;
  const cluster = parts.take('cluster');
  const [{ createDns }, { parseHosts }] = await Promise.all([
    import('#network/dns/dns.ts'),
    import('#network/dns/hosts.ts'),
  ]);
  const hosts = await followFile(context, scope, (one) => one.dns.hostsFile, parseHosts);
  const service = createDns({
    client: parts.take('clientAs')('system:serviceaccount:openshift-dns:dns'),
    clock,
    logger,
    changes: parts.take('hostChanges'),
    address: cluster.dnsAddress,
    domain: cluster.domain,
    podRanges: cluster.podRanges,
    serviceRanges: cluster.serviceRanges,
    hosts: hosts.current,
  });
  await service.start(scope);
  return () => [...(service.problems?.() ?? []), ...hosts.problems()];
}

/** While `ingress.status` is Managed; it may change, and then HAProxy ends with the router. */
export async function startRouter(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { live, clock, logger, parts } = context;
  const client = parts.take('clientAs')('system:serviceaccount:openshift-ingress:router');
  const [{ WorkQueue }, { endRecordedProcess }] = await Promise.all([
    import('#base/work-queue.ts'),
    import('#host/recorded-process.ts'),
  ]);
  let running: { readonly scope: Scope; readonly service: Service } | undefined;
  const follow = async (): Promise<void> => {
    if (live.current.ingress.status === 'Managed') {
      if (running !== undefined) return;
      const child = scope.child('router');
      running = { scope: child, service: await routerOf(context, client, child) };
      await running.service.start(child);
      return;
    }
    logger.info('no router: ingress.status is Removed');
    await running?.scope.close();
    running = undefined;
    // Also one that an earlier start left: it would go on serving.
    await endRecordedProcess(path.join(routerDirectory, 'haproxy.process'), clock, haproxyGraceMs);
  };
  await follow();
  const queue = new WorkQueue({
    clock,
    concurrency: 1,
    work: follow,
    onError: (_key, error, retryInMs) =>
      logger.error('the router cannot be started or ended', { error: messageOf(error), retryInMs }),
  });
  const listening = live.onChange(
    ({ ingress }) => ingress.status,
    () => queue.add('status'),
  );
  scope.onClose(async () => {
    listening[Symbol.dispose]();
    await queue.close();
  });
  return () => running?.service.problems?.() ?? [];
}

const routerDirectory = path.join(runDirectory, 'router');
const haproxyGraceMs = 5_000;

async function routerOf(context: AssemblyContext, client: Client, scope: Scope): Promise<Service> {
  const { configuration, live, clock, logger, parts } = context;
  const [{ createRouter }, { rangeTest }, { interfaceAddresses, reachableAddresses }, { createEventRecorder }] =
    await Promise.all([
      import('#network/router/router.ts'),
      import('#network/address-range.ts'),
      import('#host/linux/addresses.ts'),
      import('#client/event-recorder.ts'),
    ]);
  const pki = parts.take('pki');
  const events = createEventRecorder({ client, component: 'router', clock, logger });
  scope.onClose(() => events.close());
  return createRouter({
    client,
    clock,
    logger,
    events,
    changes: parts.take('hostChanges'),
    domain: `apps.${configuration.dns.baseDomain}`,
    canonicalHostname: `router-default.apps.${configuration.dns.baseDomain}`,
    configuration: () => live.current.ingress,
    onConfiguration: (listener) => live.onChange(({ ingress }) => ingress, listener),
    service: { namespace: 'openshift-ingress', name: 'router-default' },
    machineAddresses: interfaceAddresses,
    reachableAddresses: () => reachableAddresses(interfaceAddresses()),
    onMachineAddresses: (listener) => parts.take('machineChanges').onChange(listener),
    maySeeHealth: rangeTest(configuration.cluster.podRanges),
    defaultCertificatePem: () => {
      const { certificatePem, keyPem } = pki.leaf('ingress-serving');
      return `${certificatePem}${keyPem}`;
    },
    onDefaultCertificate: (listener) => pki.onChange(listener),
    user: unprivilegedUser(['haproxy', 'nobody']),
    runDirectory: routerDirectory,
    logDirectory: path.join(configuration.dataDirectory, 'logs'),
  });
}

export async function startMdns(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, parts, random } = context;
  const [{ createMdns }, { lanInterfaces }] = await Promise.all([
    import('#network/mdns/mdns.ts'),
    import('#host/linux/addresses.ts'),
  ]);
  const service = createMdns({
    // Routes lead to the router, which is where the control plane is; it is read in its name.
    client: configuration.roles.includes('controlplane')
      ? parts.take('clientAs')('system:serviceaccount:openshift-ingress:router')
      : undefined,
    clock,
    random,
    logger,
    nodeName: configuration.nodeName,
    interfaces: lanInterfaces,
    onChange: (listener) => parts.take('machineChanges').onChange(listener),
  });
  await service.start(scope);
  return () => service.problems?.() ?? [];
}
