// One round of the router: reads what is wanted, writes files or socket commands, and the Routes' status. Rounds never overlap.
import { Routes, Services } from '#api/generated/kind-references.ts';
import type { Route } from '#api/generated/types.ts';
import { messageOf } from '#base/errors.ts';
import type { Informer } from '#client/client.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { decideAdmission, type AdmissionSettings, type AdmittedRoute, type Verdict } from './admission.ts';
import { readAnnotations } from './annotations.ts';
import { assignSlots, serversOf, slotCommands, type HeldServer, type ServiceLookup, type Slots } from './backends.ts';
import { backendName, fileName, lacksAuthority, terminationOf } from './haproxy-backend.ts';
import { renderRouter } from './haproxy-config.ts';
import { RefusedConfiguration, type Haproxy } from './haproxy.ts';
import { keyOf } from './hosts.ts';
import { inputsOf, namedBy, tlsSource } from './inputs.ts';
import { listenAddressesOf } from './listen.ts';
import { RouterMetrics, type BackendLabels } from './metrics.ts';
import { NamedObjects } from './named-objects.ts';
import type { RouterOptions } from './options.ts';
import { certificateNotes } from './route-notes.ts';
import { decideStatus } from './route-status.ts';

import type { RouterFiles } from './settings.ts';

export interface LoopOptions extends RouterOptions {
  readonly haproxy: Haproxy;
  readonly routes: Informer<Route>;
  readonly lookup: ServiceLookup;
  /** Listen addresses for all: `*`, and `::` where the kernel has IPv6. */
  readonly everywhere: readonly string[];
  readonly wake: () => void;
}

interface Wanted {
  readonly files: RouterFiles;
  readonly admitted: readonly AdmittedRoute[];
  readonly verdicts: readonly Verdict[];
}
/** Upstream's words for them in metrics. */
const modes: Readonly<Record<string, string>> = { edge: 'https-edge', reencrypt: 'https', passthrough: 'tcp' };
type HeldSlots = ReadonlyMap<string, Slots<HeldServer>>;

/** So many rounds of leaving out what is refused before the whole waits for another try. */
const refusedAtOnceMax = 20;

export class RouterLoop implements Disposable {
  readonly #options: LoopOptions;
  readonly #named: NamedObjects;
  #slots = new Map<string, Slots>();
  /** What HAProxy has in its slots; undefined: to be asked. */
  #held: HeldSlots | undefined;
  /** Of the configuration that HAProxy runs. */
  #digest: string | undefined;
  #started = false;
  #problems: readonly string[] = [];
  #addresses: readonly string[] = [];
  /** What HAProxy said against a Route, for as long as the Route stays as it is. */
  readonly #refusals = new WeakMap<Route['spec'], string>();
  #admitted: ReadonlyMap<string, AdmittedRoute> = new Map();
  readonly #metrics = new RouterMetrics();
  /** What each Route was last told in events. */
  #told = new Map<string, string>();

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#named = new NamedObjects({ ...options, onChange: options.wake });
  }

  get problems(): readonly string[] {
    const own = this.#options.haproxy.problem;
    return own === undefined ? this.#problems : [own, ...this.#problems];
  }

  /** Routes are served as they were known at least once. */
  get synchronised(): boolean {
    return this.#digest !== undefined;
  }

  async metrics(): Promise<string> {
    return this.#metrics.print(await this.#statistics(), (backend) => this.#labelsOf(backend));
  }

  async #statistics(): Promise<string | undefined> {
    try {
      return await this.#options.haproxy.command(['show stat']);
    } catch {
      return undefined;
    }
  }

  #labelsOf(backend: string): BackendLabels | undefined {
    const one = this.#admitted.get(backend);
    if (one === undefined) return undefined;
    return {
      namespace: one.route.metadata.namespace ?? '',
      route: one.route.metadata.name ?? '',
      mode: modes[terminationOf(one)] ?? 'http',
      server: (slot) => {
        const held = this.#slots.get(backend)?.[slot - 1];
        return held && { server: `${held.ip}:${held.port}`, pod: held.pod, service: held.service };
      },
    };
  }

  /** HAProxy was started anew: its slots are those of the file. */
  forgetSlots(): void {
    this.#held = undefined;
  }

  [Symbol.dispose](): void {
    this.#named[Symbol.dispose]();
    if (this.#started) this.#options.haproxy.release();
  }

  async synchronise(): Promise<void> {
    const { haproxy, logger, routes, configuration } = this.#options;
    await this.#named.follow(namedBy(routes.list(), configuration()));
    if (this.#started) this.#held ??= await readHeld(haproxy);
    let wanted = this.#render();
    if (!this.#started) {
      wanted = await this.#write(wanted);
      const how = await haproxy.start();
      this.#started = true;
      if (how === 'adopted') {
        this.#digest = await haproxy.runningDigest();
        logger.info('adopted the running HAProxy');
        this.#held = await readHeld(haproxy);
        wanted = this.#render();
      } else {
        await haproxy.whenRunning(wanted.files);
        this.#tookFiles(wanted);
      }
    }
    if (wanted.files.digest !== this.#digest) {
      wanted = await this.#write(wanted);
      const counted = await this.#statistics();
      if (counted !== undefined) this.#metrics.remember(counted);
      await haproxy.reload(wanted.files);
      this.#tookFiles(wanted);
    }
    await this.#fill(wanted);
    await this.#tell(wanted.verdicts);
    await this.#tellAddresses();
  }

  /** A new worker runs the written files: its slots are as they say, and all are checked. */
  #tookFiles(wanted: Wanted): void {
    this.#digest = wanted.files.digest;
    this.#held = new Map(
      [...this.#slots].map(([name, slots]) => [name, slots.map((one) => one && { ...one, checked: true })]),
    );
  }

  #render(): Wanted {
    const { routes, lookup, configuration, machineAddresses, everywhere, defaultCertificatePem } = this.#options;
    const policy = configuration();
    const look = (name: Parameters<NamedObjects['get']>[0]) => this.#named.get(name);
    const { inputs, problems } = inputsOf(look, policy, defaultCertificatePem());
    const listen = listenAddressesOf(policy.listenAddresses, machineAddresses(), everywhere);
    this.#addresses =
      policy.listenAddresses.length === 0 ? (this.#options.reachableAddresses?.() ?? []) : listen.addresses;
    const { admitted, verdicts } = decideAdmission(routes.list(), this.#admission(), {
      tlsOf: tlsSource(look),
      refusalOf: (route) => this.#refusals.get(route.spec),
    });
    const before = this.#held ?? this.#slots;
    this.#slots = new Map(
      admitted.map((one) => {
        const name = backendName(one);
        if (lacksAuthority(one, inputs)) return [name, []];
        return [name, assignSlots(before.get(name) ?? this.#slots.get(name) ?? [], serversOf(one.route, lookup))];
      }),
    );
    this.#problems = [...listen.problems, ...problems];
    const files = renderRouter(admitted, (backend) => this.#slots.get(backend) ?? [], {
      listenAddresses: listen.addresses,
      httpPort: policy.httpPort,
      httpsPort: policy.httpsPort,
      ...inputs,
      runDirectory: this.#options.runDirectory,
      user: this.#options.user,
      policy,
    });
    return { files, admitted, verdicts };
  }

  #admission(): AdmissionSettings {
    const { routerName = 'default', canonicalHostname, domain, configuration } = this.#options;
    const { wildcardPolicy, namespaceOwnership } = configuration().routeAdmissionPolicy;
    return {
      routerName,
      canonicalHostname,
      domain,
      allowsWildcards: wildcardPolicy === 'WildcardsAllowed',
      sharesHosts: namespaceOwnership === 'InterNamespaceAllowed',
    };
  }

  /** Writes what HAProxy accepts: a Route that it refuses is left out, and the others are served. */
  async #write(first: Wanted): Promise<Wanted> {
    const { haproxy, logger } = this.#options;
    for (let attempt = first, tries = 0; ; attempt = this.#render(), tries++) {
      try {
        await haproxy.write(attempt.files);
        return attempt;
      } catch (error) {
        if (!(error instanceof RefusedConfiguration) || tries >= refusedAtOnceMax) throw error;
        const wordsOf = (one: AdmittedRoute) =>
          error.backends.get(backendName(one)) ?? error.backends.get(`be:${fileName(one)}`);
        const named = attempt.admitted.filter((one) => wordsOf(one) !== undefined);
        if (named.length === 0) throw error;
        for (const one of named) {
          const words = wordsOf(one) ?? '';
          this.#refusals.set(one.route.spec, `the router cannot serve it: ${words}`);
          logger.warn('a Route is refused', { route: keyOf(one.route), reason: words });
        }
      }
    }
  }

  /** What the admin socket can change. */
  async #fill(wanted: Wanted): Promise<void> {
    const { haproxy } = this.#options;
    const before = this.#held ?? new Map<string, Slots<HeldServer>>();
    const commands = [...this.#slots].flatMap(([backend, after]) =>
      slotCommands(backend, before.get(backend) ?? [], after),
    );
    if (commands.length > 0) {
      this.#held = undefined;
      const said = (await haproxy.command(commands)).trim();
      // HAProxy says what it changed ("IP changed from ..."); only these are refusals.
      if (/No such|Invalid|not found|Require|Unknown|error|failed|cannot/i.test(said))
        throw new Error(`the admin socket says: ${said.slice(0, 300)}`);
    }
    this.#held = this.#slots;
    this.#admitted = new Map(wanted.admitted.map((one) => [backendName(one), one]));
    await haproxy.keep(wanted.files);
  }

  async #tell(verdicts: readonly Verdict[]): Promise<void> {
    const { client, clock, logger } = this.#options;
    const settings = this.#admission();
    const told = new Map<string, string>();
    const nowIso = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    for (const verdict of verdicts) {
      this.#note(verdict, told);
      const ingress = decideStatus(verdict, settings, nowIso);
      if (ingress === undefined) continue;
      const status = { ...verdict.route.status, ingress };
      try {
        await client.resource(Routes).update({ ...verdict.route, status }, { subresource: 'status' });
      } catch (error) {
        // Changed or gone meanwhile: its event brings us back.
        logger.debug('cannot write the status of a Route', { route: keyOf(verdict.route), error: messageOf(error) });
      }
    }
    this.#told = told;
  }

  /** Packets to these addresses come to HAProxy itself: the service proxy has nothing to do with them (ipMode Proxy). */
  async #tellAddresses(): Promise<void> {
    const { service: key, lookup, client, logger } = this.#options;
    const service = key === undefined ? undefined : lookup.service(key.namespace ?? '', key.name);
    if (service === undefined) return;
    const ingress = this.#addresses.toSorted().map((ip) => ({ ip, ipMode: 'Proxy' }));
    if (semanticallyEqual(service.status?.loadBalancer?.ingress ?? [], ingress)) return;
    const status = { ...service.status, loadBalancer: ingress.length === 0 ? {} : { ingress } };
    try {
      await client.resource(Services).update({ ...service, status }, { subresource: 'status' });
    } catch (error) {
      logger.debug("cannot write the status of the router's Service", { error: messageOf(error) });
    }
  }

  /** Events for what does not keep a Route from being served; each once, until it changes. */
  #note({ route, rejection }: Verdict, told: Map<string, string>): void {
    const { events, logger, clock } = this.#options;
    const key = `${keyOf(route)} ${route.metadata.uid ?? ''}`;
    const notes = [
      ...readAnnotations(route).problems.map((message) => ({ reason: 'InvalidAnnotation', message })),
      ...(rejection === undefined ? certificateNotes(route, clock.now()) : []),
    ];
    if (notes.length === 0) return;
    const text = JSON.stringify(notes);
    told.set(key, text);
    if (this.#told.get(key) === text) return;
    for (const { reason, message } of notes) {
      logger.warn('a Route asks for what is not done', { route: keyOf(route), reason: message });
      events?.event({ ...route, kind: 'Route', apiVersion: 'route.openshift.io/v1' }, 'Warning', reason, message);
    }
  }
}

async function readHeld(haproxy: Haproxy): Promise<HeldSlots> {
  const held = new Map<string, (HeldServer | undefined)[]>();
  for (const { backend, slot, ip, port, weight, ready, checked } of await haproxy.heldServers()) {
    let slots = held.get(backend);
    if (slots === undefined) held.set(backend, (slots = []));
    slots[slot] = ready ? { ip, port, weight, checked } : undefined;
  }
  return held;
}
