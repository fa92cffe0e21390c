// Runs one service of the network layer inside the namespace it was started in. Its cluster is a table of objects that the test sends.
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { forbiddenError } from '#api/status.ts';
import { systemClock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import type {
  Client,
  Informer,
  InformerChange,
  InformerIndex,
  ListOptions,
  ResourceClient,
  WatchHandlers,
  WatchOptions,
} from '#client/client.ts';
import type { Pod } from '#api/generated/types.ts';
import { openHostChanges } from '#host/changes.ts';
import { interfaceAddresses } from '#host/linux/addresses.ts';
import type { NetworkPolicies } from '#network/policy/network-policies.ts';
import { defaultConfiguration, type RouterConfiguration } from '#network/router/options.ts';

const [serviceName, optionsText] = process.argv.slice(2);
const given = JSON.parse(optionsText ?? '{}') as Record<string, unknown>;
const verbose = process.env['NETWORK_TEST_LOG'] === '1';
const log = (level: string) => (message: string, fields?: unknown) => {
  if (verbose || level === 'error') process.stderr.write(`${level} ${message} ${JSON.stringify(fields ?? {})}\n`);
};
const logger: Logger = {
  debug: log('debug'),
  info: log('info'),
  warn: log('warn'),
  error: log('error'),
  named: () => logger,
};

class TableInformer<T extends KubernetesObject> implements Informer<T> {
  readonly kind: KindReference<T>;
  synced = false;
  revision = 0;
  #objects = new Map<string, T>();
  readonly #listeners = new Set<(change: InformerChange<T>) => void>();
  #waiting: (() => void)[] = [];
  constructor(kind: KindReference<T>) {
    this.kind = kind;
  }
  whenSynced(): Promise<void> {
    return this.synced ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
  get(namespace: string | undefined, name: string) {
    return this.#objects.get(`${namespace ?? ''}/${name}`);
  }
  list(namespace?: string) {
    return [...this.#objects.values()].filter((one) => namespace === undefined || one.metadata.namespace === namespace);
  }
  byIndex(index: InformerIndex<T>, value: string) {
    return this.list().filter((one) => index.keysOf(one).includes(value));
  }
  onChange(listener: (change: InformerChange<T>) => void): Disposable {
    for (const current of this.#objects.values()) listener({ previous: undefined, current });
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  put(object: T) {
    const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    const previous = this.#objects.get(key);
    if (JSON.stringify(previous) === JSON.stringify(object)) return;
    this.#objects.set(key, object);
    for (const listener of this.#listeners) listener({ previous, current: object });
  }
  replace(objects: readonly T[]) {
    const keys = new Set(objects.map((one) => `${one.metadata.namespace ?? ''}/${one.metadata.name}`));
    for (const [key, previous] of this.#objects)
      if (!keys.has(key)) {
        this.#objects.delete(key);
        for (const listener of this.#listeners) listener({ previous, current: undefined });
      }
    for (const object of objects) this.put(object);
    this.synced = true;
    this.revision++;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }
}

const informers = new Map<string, TableInformer<KubernetesObject>>();
const informerOf = <T extends KubernetesObject>(kind: KindReference<T>): TableInformer<T> => {
  let informer = informers.get(kind.resource);
  if (informer === undefined) informers.set(kind.resource, (informer = new TableInformer<KubernetesObject>(kind)));
  return informer as unknown as TableInformer<T>;
};
const nameIn = ({ fieldSelector }: ListOptions): string => fieldSelector?.replace(/^metadata\.name=/, '') ?? '';
/** Objects that may not be read: `RESOURCE NAMESPACE/NAME`. */
const forbidden = new Set<string>();
const client: Client = {
  informer: informerOf,
  read: () => Promise.resolve(undefined),
  discover: () => Promise.resolve([]),
  resource: <T extends KubernetesObject>(kind: KindReference<T>) =>
    ({
      kind,
      update(object: T) {
        informerOf(kind).put(object);
        process.send?.({ type: 'written', kind: kind.kind, object });
        return Promise.resolve(object);
      },
      // For single objects by name, as the router reads Secrets and ConfigMaps.
      list(options: ListOptions = {}) {
        if (forbidden.has(`${kind.resource} ${options.namespace}/${nameIn(options)}`))
          return Promise.reject(forbiddenError(kind, nameIn(options), 'the test says so'));
        const found = informerOf(kind).get(options.namespace, nameIn(options));
        return Promise.resolve({ items: found === undefined ? [] : [found], metadata: { resourceVersion: '1' } });
      },
      watch(options: WatchOptions, handlers: WatchHandlers<T>): Disposable {
        let first = true;
        const listening = informerOf(kind).onChange(({ previous, current }) => {
          const object = current ?? previous!;
          const isIt = object.metadata.name === nameIn(options) && object.metadata.namespace === options.namespace;
          if (first || !isIt) return;
          const type = current === undefined ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED';
          handlers.onEvent({ type, object });
        });
        first = false;
        return listening;
      },
      // TokenReviews and SubjectAccessReviews: the token says who may what.
      create(object: T) {
        const { spec } = object as unknown as { spec: { token?: string; user?: string } };
        const status =
          spec.token === undefined
            ? { allowed: spec.user === 'reader', reason: spec.user === 'reader' ? '' : 'no rights' }
            : { authenticated: spec.token !== 'wrong', user: { username: spec.token } };
        return Promise.resolve({ ...object, status } as T);
      },
    }) as unknown as ResourceClient<T>,
  forget() {},
  close: () => Promise.resolve(),
};

let configuration: RouterConfiguration = {
  ...defaultConfiguration,
  ...(given['configuration'] as Partial<RouterConfiguration> | undefined),
};
let configured: () => void = () => {};
let enforce: NetworkPolicies['enforce'] = () => Promise.reject(new Error('this service enforces no policies'));
const scope = new Scope('test', (name, error) => log('error')(`${name} failed`, { error: String(error) }));
async function create(): Promise<Service> {
  const common = { client, clock: systemClock, logger, changes: openHostChanges(String(given['changesFile'])) };
  switch (serviceName) {
    case 'proxy': {
      const { createServiceProxy } = await import('#network/proxy/service-proxy.ts');
      return createServiceProxy({ ...common, ...given } as unknown as Parameters<typeof createServiceProxy>[0]);
    }
    case 'policy': {
      const { createNetworkPolicies } = await import('#network/policy/network-policies.ts');
      const made = createNetworkPolicies({ ...common, ...given } as unknown as Parameters<
        typeof createNetworkPolicies
      >[0]);
      enforce = (pod, addresses) => made.enforce(pod, addresses);
      return made;
    }
    case 'router': {
      const { createRouter } = await import('#network/router/router.ts');
      return createRouter({
        ...common,
        ...given,
        defaultCertificatePem: () => String(given['defaultCertificatePem']),
        machineAddresses: interfaceAddresses,
        configuration: () => configuration,
        onConfiguration: (listener: () => void) => {
          configured = listener;
          return { [Symbol.dispose]: () => {} };
        },
        events: {
          event: ({ metadata }: KubernetesObject, type: string, reason: string, message: string) =>
            process.send?.({ type: 'event', name: metadata.name, text: `${type} ${reason}: ${message}` }),
        },
        maySeeHealth: (address: string) => address.startsWith('10.42.'),
      } as unknown as Parameters<typeof createRouter>[0]);
    }
    case 'pods': {
      const { createPodNetwork } = await import('#network/cni/pod-network.ts');
      return createPodNetwork({ ...common, ...given } as unknown as Parameters<typeof createPodNetwork>[0]);
    }
    case 'undo': {
      const { undoHostChanges } = await import('#host/changes.ts');
      return {
        name: 'undo',
        dependsOn: [],
        async start() {
          for (const failure of await undoHostChanges(String(given['changesFile']), logger)) log('error')(failure);
        },
      };
    }
    case 'dns': {
      const { createDns } = await import('#network/dns/dns.ts');
      return createDns({ ...common, ...given } as unknown as Parameters<typeof createDns>[0]);
    }
    case 'mdns': {
      const [{ createMdns }, { lanInterfaces }, { MachineChanges }, { systemRandom }] = await Promise.all([
        import('#network/mdns/mdns.ts'),
        import('#host/linux/addresses.ts'),
        import('#host/machine-changes.ts'),
        import('#base/random.ts'),
      ]);
      const changes = new MachineChanges(systemClock, logger);
      return createMdns({
        client,
        clock: systemClock,
        random: systemRandom,
        logger,
        nodeName: String(given['nodeName']),
        interfaces: lanInterfaces,
        onChange: (listener) => changes.onChange(listener),
      });
    }
    default:
      throw new Error(`no service ${serviceName}`);
  }
}
const service = await create();

interface Order {
  readonly type: string;
  readonly resource: string;
  readonly objects: KubernetesObject[];
  readonly configuration: Partial<RouterConfiguration>;
  readonly names: readonly string[];
  readonly pod: Pod;
}
process.on('message', (message: Order) => {
  if (message.type === 'configure') {
    configuration = { ...configuration, ...message.configuration };
    configured();
    process.send?.({ type: 'ack' });
  }
  if (message.type === 'forbid') {
    forbidden.clear();
    for (const name of message.names) forbidden.add(name);
    process.send?.({ type: 'ack' });
  }
  if (message.type === 'enforce')
    void enforce(message.pod, message.names).then(
      () => process.send?.({ type: 'ack' }),
      (error: unknown) => log('error')(String(error)),
    );
  if (message.type === 'set') {
    informerOf({ resource: message.resource } as KindReference).replace(message.objects);
    process.send?.({ type: 'ack' });
  }
  if (message.type === 'problems') process.send?.({ type: 'problems', problems: service.problems?.() ?? [] });
  if (message.type === 'stop') void scope.close().then(() => process.exit(0));
});
process.on('disconnect', () => process.exit(0));
try {
  await service.start(scope);
  process.send?.({ type: 'ready' });
} catch (error) {
  process.send?.({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
}
