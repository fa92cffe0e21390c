// The control plane of the simulated cluster, life after life on one store: the real API server, all controllers, the scheduler.
import { createHash } from 'node:crypto';
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import { createApiServer } from '#apiserver/api-server.ts';
import { type BootstrapObject, bootstrapObjects } from '#assembly/bootstrap-objects.ts';
import { bootstrapRbac, type RbacFacts, rbacGroups } from '#assembly/bootstrap-rbac.ts';
import { checkConfiguration } from '#assembly/config/check.ts';
import { readConfiguration } from '#assembly/config/read.ts';
import { versionInfo } from '#assembly/version.ts';
import { messageOf } from '#base/errors.ts';
import { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import type { Controller } from '#controllers/runtime/declaration.ts';
import { createControllers } from '#controllers/service.ts';
import { certificateSerial } from '#pki/certificate.ts';
import { createScheduler } from '#scheduler/scheduler.ts';
import type { Store } from '#storage/store.ts';
import { type DiskConditions, openStore, type OpenedStore } from './disk.ts';
import { requestSigner } from './keys.ts';
import type { Link, LinkConditions, Server } from './link.ts';
import { Life } from './timeline.ts';
import { connect, recorderOf, type World } from './world.ts';

export interface ControlPlaneOptions {
  readonly world: World;
  readonly store: Store;
  readonly disk: DiskConditions;
  /** Between the controllers and the API server. */
  readonly link: LinkConditions;
  /** Directories of volumes, whoever makes them. */
  readonly volumeDirectories: Set<string>;
  /** Puts another controller in the place of one: how a test shows that a bug is found. */
  readonly replaceController?: ((controller: Controller) => Controller) | undefined;
}

/** Not a secret of anybody: tokens are only carried about here. */
const sign = async (claims: Readonly<Record<string, unknown>>): Promise<string> => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'none' })}.${part(claims)}`;
  return `${text}.${createHash('sha256').update(text).digest('base64url')}`;
};

export async function simulatedConfiguration() {
  const raw = await readConfiguration({
    flags: {},
    environment: {},
    homeDirectory: '/root',
    readText: async () => undefined,
    listNames: async () => [],
  });
  return checkConfiguration(raw.raw, {
    hostname: 'node-1',
    isRoot: true,
    homeDirectory: '/root',
    homeDataExists: false,
    nodeAddress: () => '10.0.0.11',
  }).configuration;
}

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #configuration: Awaited<ReturnType<typeof simulatedConfiguration>>;
  #lives = 0;
  #server: Server | undefined;
  #opened: OpenedStore | undefined;
  #links: Link[] = [];

  constructor(options: ControlPlaneOptions, configuration: Awaited<ReturnType<typeof simulatedConfiguration>>) {
    this.#options = options;
    this.#configuration = configuration;
  }
  get server(): Server | undefined {
    return this.#server;
  }
  /** Returns at once; controllers begin when their informers have read everything. */
  start(): void {
    const { world, store, disk } = this.#options;
    const configuration = this.#configuration;
    const life = new Life(`control-plane-${++this.#lives}`, world.timeline);
    const logger = world.journal.logger('control');
    world.journal.write('control', `life ${this.#lives} begins at revision ${store.revision}`);
    const dice = world.dice.fork(life.name);
    this.#opened = openStore(store, life, disk, dice.fork('disk'));
    const handler = createApiServer({
      store: this.#opened.store,
      clock: life.clock,
      random: dice.fork('api server').random,
      logger,
      version: versionInfo(),
      serviceAccountTokens: {
        issuer: 'https://kubernetes.default.svc',
        audiences: ['https://kubernetes.default.svc'],
        publicKeys: () => [],
        signer: { sign },
      },
      serviceCidrs: configuration.cluster.serviceRanges,
      nodePortRange: { from: configuration.cluster.nodePorts.first, to: configuration.cluster.nodePorts.last },
      clusterDomain: configuration.cluster.domain,
      publishesServiceCa: true,
      routeDomain: `apps.${configuration.dns.baseDomain}`,
    });
    this.#server = { handler, life };
    this.#links = [];
    const scope = new Scope(life.name, (task, error) => logger.error(`${task} failed`, { error: messageOf(error) }));
    scope.spawn('start', async () => {
      if (this.#lives === 1) await this.#bootstrap(this.#client(life, 'admin'));
      await this.#startServices(life, scope);
    });
  }
  #client(life: Life, name: string): Client {
    const { world, link } = this.#options;
    const logger = world.journal.logger(`control/${name.split(':').at(-1)}`);
    return connect({ world, life, name, conditions: link, logger, links: this.#links });
  }
  async #bootstrap(admin: Client): Promise<void> {
    const objects = bootstrapObjects(this.#configuration, { clientPem: '', requestHeaderPem: '' });
    const rbac = rbacGroups(bootstrapRbac(facts as unknown as RbacFacts)).flatMap(({ kind, objects: group }) =>
      group.map((object): BootstrapObject => ({ kind, object })),
    );
    const isFirst = ({ kind }: BootstrapObject) => kind.resource === 'namespaces' || !kind.namespaced;
    const all = [...objects, ...rbac];
    const create = ({ kind, object }: BootstrapObject) => admin.resource(kind).create(object);
    await Promise.all(all.filter(isFirst).map(create));
    await Promise.all(all.filter((one) => !isFirst(one)).map(create));
  }
  async #startServices(life: Life, scope: Scope): Promise<void> {
    const { world, volumeDirectories, replaceController } = this.#options;
    const logger = world.journal.logger('control');
    const events = recorderOf(world, life, logger);
    const scheduler = this.#client(life, 'system:kube-scheduler');
    const random = world.dice.fork(`certificates ${life.name}`).random;
    const serial = () => certificateSerial(random);
    const services = [
      createControllers({
        client: (name) => this.#client(life, name),
        events,
        clock: life.clock,
        logger,
        config: {
          rootCaCertificates: () => 'PEM',
          clusterNetworks: [{ cidr: this.#configuration.cluster.podRanges[0]!, nodePrefixLength: 24 }],
          certificateSigning: { signer: requestSigner, serial },
          serviceCa: { clusterDomain: this.#configuration.cluster.domain, serial },
          volumeDirectories: {
            root: '/var/hpvolumes',
            make: async (path) => void volumeDirectories.add(path),
            remove: async (path) => void volumeDirectories.delete(path),
          },
        },
        ...(replaceController === undefined ? {} : { replace: replaceController }),
      }),
      createScheduler({
        client: scheduler,
        events: events(scheduler, 'default-scheduler'),
        clock: life.clock,
        random: world.dice.fork(`scheduler ${life.name}`).random,
        logger,
      }),
    ];
    await Promise.all(services.map((one) => one.start(scope)));
  }
  /** kill -9. */
  crash(): void {
    if (this.#server === undefined) return;
    this.#options.world.journal.write('control', `life ${this.#lives} ends`);
    const { life } = this.#server;
    this.#server = undefined;
    this.#opened?.crash();
    life.end();
  }
  breakWatches(): void {
    // Within one machine nothing breaks unnoticed.
    for (const link of this.#links) link.breakWatches(0);
  }
}
