// A node of the simulated cluster: a machine and a container runtime that stay, and the real node agent, life after life.
import { messageOf } from '#base/errors.ts';
import { Scope } from '#base/scope.ts';
import { createNodeAgent } from '#node/agent.ts';
import { type RuntimeConditions, type RuntimeWatcher, SimulatedRuntime } from './container-runtime.ts';
import type { Link, LinkConditions } from './link.ts';
import { type MemoryMachine, memoryMachine } from './memory-machine.ts';
import { type CallConditions, connectSimulatedRuntime } from './runtime-connection.ts';
import { Life } from './timeline.ts';
import { connect, recorderOf, type World } from './world.ts';

export interface NodeOptions {
  readonly world: World;
  readonly name: string;
  readonly index: number;
  readonly link: LinkConditions;
  readonly calls: CallConditions;
  readonly programs: RuntimeConditions;
  readonly watcher: RuntimeWatcher;
  readonly clusterId: () => string;
}

export class SimulatedNode {
  readonly options: NodeOptions;
  readonly runtime: SimulatedRuntime;
  readonly #machine: MemoryMachine;
  #lives = 0;
  #life: Life | undefined;
  #links: Link[] = [];

  constructor(options: NodeOptions) {
    this.options = options;
    const { world, name, index, programs, watcher } = options;
    this.runtime = new SimulatedRuntime({
      node: name,
      subnet: index,
      timeline: world.timeline,
      dice: world.dice.fork(`runtime ${name}`),
      conditions: programs,
      watcher,
    });
    this.#machine = memoryMachine({
      name,
      timeline: world.timeline,
      answer: (address) => (this.runtime.answers(address) ? 200 : undefined),
    });
  }
  get name(): string {
    return this.options.name;
  }
  get isUp(): boolean {
    return this.#life !== undefined;
  }
  start(): void {
    const { world, name, index, link, calls, clusterId } = this.options;
    const life = new Life(`${name}-${++this.#lives}`, world.timeline);
    this.#life = life;
    this.#links = [];
    const logger = world.journal.logger(name);
    world.journal.write(name, `agent life ${this.#lives} begins`);
    const client = connect({ world, life, name: `system:node:${name}`, conditions: link, logger, links: this.#links });
    const dice = world.dice.fork(life.name);
    const agent = createNodeAgent({
      client,
      events: recorderOf(world, life, logger)(client, 'kubelet', name),
      machine: this.#machine,
      clock: life.clock,
      random: dice.fork('agent').random,
      logger,
      nodeName: name,
      nodeIps: () => [`10.0.0.1${index}`],
      clusterId: clusterId(),
      connectRuntime: async () =>
        connectSimulatedRuntime({
          runtime: this.runtime,
          life,
          timeline: world.timeline,
          dice: dice.fork('calls'),
          conditions: calls,
          journal: world.journal,
        }),
      kubeletVersion: 'v1.36.2',
      clusterDns: ['10.43.0.10'],
      clusterDomain: 'cluster.local',
      cgroupDriver: 'cgroupfs',
      pinnedImages: () => [],
      authFiles: [],
      apiServerNames: ['system:kube-apiserver'],
      // Its machine is in memory: nobody could connect.
      listenOnSocket: () => Promise.resolve({ close() {} }),
    });
    const scope = new Scope(life.name, (task, error) => logger.error(`${task} failed`, { error: messageOf(error) }));
    scope.spawn('start', () => agent.start(scope));
  }
  /** The agent's process dies; containers go on. */
  crash(): void {
    if (this.#life === undefined) return;
    this.options.world.journal.write(this.name, `agent life ${this.#lives} ends`);
    this.#life.end();
    this.#life = undefined;
  }
  /** The machine stands still. */
  powerCut(forget: boolean): void {
    this.crash();
    this.options.world.journal.write(this.name, `power cut${forget ? ', the runtime forgets' : ''}`);
    this.runtime.powerCut(forget);
    this.#machine.reboot();
  }
  breakWatches(): void {
    for (const link of this.#links) link.breakWatches(0.5);
  }
}
