// The simulated cluster: one store, a control plane, nodes, and a user. What each of them meets is in the conditions, which
// faults change.
import { messageOf } from '#base/errors.ts';
import type { Client } from '#client/client.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store } from '#storage/store.ts';
import type { RuntimeConditions, RuntimeWatcher } from './container-runtime.ts';
import { ControlPlane, type ControlPlaneOptions, simulatedConfiguration } from './control-plane.ts';
import { Dice } from './dice.ts';
import type { DiskConditions } from './disk.ts';
import { Journal } from './journal.ts';
import type { LinkConditions } from './link.ts';
import { SimulatedNode } from './node.ts';
import { Life, Timeline } from './timeline.ts';
import { connect, type World } from './world.ts';

/** What kind of cluster a seed gives. */
export interface Profile {
  readonly nodes: number;
  /** Mean delays in milliseconds; 0 for controllers: in one process with the API server. */
  readonly controllerLatencyMs: number;
  readonly nodeLatencyMs: number;
  readonly commitMs: number;
  readonly runtimeCallMs: number;
  /** Events that watches may resume from. */
  readonly historyEvents: number;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly profile: Profile;
  readonly watcher: RuntimeWatcher;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly replaceController?: ControlPlaneOptions['replaceController'];
}

const startOfTime = Date.parse('2026-01-02T03:04:05Z');

export class Cluster {
  readonly timeline = new Timeline(startOfTime);
  readonly journal: Journal;
  readonly dice: Dice;
  readonly store: Store;
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly SimulatedNode[];
  readonly user: Client;
  readonly volumeDirectories = new Set<string>();
  readonly disk: DiskConditions;
  readonly programs: RuntimeConditions = { calm: false, pullsFail: false };
  readonly profile: Profile;
  onAcknowledged: World['onAcknowledged'];

  private constructor(options: ClusterOptions, configuration: Awaited<ReturnType<typeof simulatedConfiguration>>) {
    const { profile } = options;
    this.profile = profile;
    this.journal = new Journal(this.timeline, options.onLine);
    this.dice = new Dice(options.seed);
    this.disk = { commitMs: profile.commitMs, full: false };
    const world: World = {
      timeline: this.timeline,
      journal: this.journal,
      dice: this.dice,
      server: () => this.controlPlane.server,
      onAcknowledged: (revision, what) => this.onAcknowledged?.(revision, what),
    };
    const life = new Life('user', this.timeline);
    this.store = createMemoryStore({
      clock: life.clock,
      logger: this.journal.logger('store'),
      history: {
        eventsMin: profile.historyEvents,
        eventsMax: profile.historyEvents,
        bytesMax: 2 ** 30,
        ageMsMax: 600_000,
        pastListAgeMsMax: 300_000,
      },
    });
    this.controlPlane = new ControlPlane(
      {
        world,
        store: this.store,
        disk: this.disk,
        link: { latencyMs: profile.controllerLatencyMs, cut: false },
        volumeDirectories: this.volumeDirectories,
        replaceController: options.replaceController,
      },
      configuration,
    );
    this.nodes = Array.from(
      { length: profile.nodes },
      (_, index) =>
        new SimulatedNode({
          world,
          name: `node-${index + 1}`,
          index: index + 1,
          link: { latencyMs: profile.nodeLatencyMs, cut: false },
          calls: { callMs: profile.runtimeCallMs, errors: 0, hangs: false, eventsLost: 0 },
          programs: this.programs,
          watcher: options.watcher,
          clusterId: () => 'simulated-cluster',
        }),
    );
    const link: LinkConditions = { latencyMs: 1, cut: false };
    this.user = connect({
      world,
      life,
      name: 'admin',
      conditions: link,
      logger: this.journal.logger('user'),
      links: [],
    });
  }
  static async create(options: ClusterOptions): Promise<Cluster> {
    return new Cluster(options, await simulatedConfiguration());
  }
  start(): void {
    this.controlPlane.start();
    for (const node of this.nodes) node.start();
  }
  /** Background work of the user. What fails is noted and done with. */
  act(what: string, work: () => Promise<string | void>): void {
    this.journal.write('user', what);
    work().then(
      (result) => this.journal.write('user', `${what}: ${result ?? 'done'}`),
      (error: unknown) => this.journal.write('user', `${what}: ${messageOf(error)}`),
    );
  }
}
