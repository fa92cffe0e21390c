// Multicast DNS in the networks of this node: its name and the hosts of admitted Routes, where they end in .local. Follows
// Routes and addresses; opens no port while there is no such name. Nothing else depends on it: what it cannot do is told, and tried again.
import type { Route } from '#api/generated/types.ts';
import { Routes } from '#api/generated/kind-references.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Random } from '#base/random.ts';
import type { Scope } from '#base/scope.ts';
import type { Service as ProcessService } from '#base/service.ts';
import type { Client } from '#client/client.ts';
import type { LanInterface } from '#host/linux/addresses.ts';
import { openMulticastSockets, type MulticastGroup, type MulticastSockets } from '#host/multicast-sockets.ts';
import { decodeMdns } from '#wire/mdns-message.ts';
import { Claims, type Link } from './claims.ts';
import { wantedNames } from './names.ts';

export interface MdnsOptions {
  /** Where Routes lead here; absent: the node's name alone. */
  readonly client: Client | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeName: string;
  /** Interfaces to the LAN, as they are now. */
  readonly interfaces: () => readonly LanInterface[];
  /** They may be others now. */
  readonly onChange: (listener: () => void) => Disposable;
}

const group: MulticastGroup = { port: 5353, ipv4: '224.0.0.251', ipv6: 'ff02::fb' };
const retryMs = 60_000;
/** Routes come in bunches. */
const gatherMs = 50;

/** Addresses that are good for others on the link. */
const linkOf = ({ name, addresses }: LanInterface): Link => ({
  name,
  addresses: addresses
    .filter(({ address }) => !address.startsWith('fe80:') && !address.startsWith('169.254.'))
    .map(({ address, family }) => ({ type: family === 'IPv4' ? 'A' : 'AAAA', address })),
});

export function createMdns(options: MdnsOptions): ProcessService {
  const { clock } = options;
  const logger = options.logger.named('mdns');
  let socketProblems: readonly string[] = [];
  let claims: Claims | undefined;
  return {
    name: 'mdns',
    dependsOn: [],
    problems: () => [
      ...socketProblems,
      ...(claims?.taken ?? []).map(
        ({ name, holder }) => `${name} is not announced: another host of the network has that name (${holder})`,
      ),
    ],
    async start(scope: Scope) {
      const routes = options.client?.informer(Routes);
      const sockets: MulticastSockets = openMulticastSockets(group, (interfaceName, bytes, from) => {
        const message = decodeMdns(bytes);
        if (message !== undefined) claimed.receive(interfaceName, message, from);
      });
      const claimed = new Claims(clock, options.random, sockets, (name, holder) =>
        logger.warn('the name is not announced: another host of the network has it', { name, address: holder }),
      );
      claims = claimed;
      const follow = new LanFollower(options, sockets, claimed, logger, (problems) => (socketProblems = problems));
      scope.onClose(async () => {
        claimed.close();
        await follow.close();
        await sockets[Symbol.asyncDispose]();
      });
      const changes = options.onChange(() => void follow.look());
      scope.onClose(() => changes[Symbol.dispose]());
      const put = async (list: readonly Route[]) => {
        const names = wantedNames(options.nodeName, list);
        claimed.setNames(names);
        await follow.need(names.size > 0);
      };
      // The node's own name does not wait for Routes.
      await put([]);
      if (routes === undefined) return;
      let gathering = false;
      const gather = () => {
        if (gathering || !routes.synced) return;
        gathering = true;
        clock.schedule(gatherMs, () => {
          gathering = false;
          if (!scope.closed) void put(routes.list());
        });
      };
      const listening = routes.onChange(gather);
      scope.onClose(() => listening[Symbol.dispose]());
      scope.spawn('routes of mdns', async (signal) => {
        await routes.whenSynced(signal);
        gather();
      });
    },
  };
}

/** Keeps the sockets with the interfaces that are there. */
class LanFollower {
  readonly #options: MdnsOptions;
  readonly #sockets: MulticastSockets;
  readonly #claims: Claims;
  readonly #logger: Logger;
  readonly #onProblems: (problems: readonly string[]) => void;
  #looking: Promise<void> = Promise.resolve();
  #retry: { cancel(): void } | undefined;
  #isNeeded = false;
  #closed = false;

  constructor(
    options: MdnsOptions,
    sockets: MulticastSockets,
    claims: Claims,
    logger: Logger,
    onProblems: (problems: readonly string[]) => void,
  ) {
    this.#options = options;
    this.#sockets = sockets;
    this.#claims = claims;
    this.#logger = logger;
    this.#onProblems = onProblems;
  }
  /** Without names no port is open. */
  need(isNeeded: boolean): Promise<void> {
    if (isNeeded === this.#isNeeded) return this.#looking;
    this.#isNeeded = isNeeded;
    return this.look();
  }
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#use());
    return this.#looking;
  }
  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#looking;
  }
  async #use(): Promise<void> {
    if (this.#closed) return;
    const { clock, interfaces } = this.#options;
    let failures: readonly string[];
    try {
      const found = this.#isNeeded ? interfaces() : [];
      failures = await this.#sockets.use(found);
      this.#claims.setLinks(found.map(linkOf).filter((one) => one.addresses.length > 0));
    } catch (error) {
      failures = [messageOf(error)];
    }
    this.#retry?.cancel();
    const problems = failures.map(
      (reason) =>
        `names ending in .local are not announced (${reason}); another program may have UDP port ${group.port} for itself: look with ss -lnup sport = :${group.port}`,
    );
    this.#onProblems(problems);
    for (const problem of problems) this.#logger.warn(problem);
    if (problems.length > 0 && !this.#closed) this.#retry = clock.schedule(retryMs, () => void this.look());
  }
}
