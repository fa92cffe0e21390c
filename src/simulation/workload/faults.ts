// What goes wrong in the simulated world, and how it is put right again. Each fault draws how long it lasts.
import type { Cluster } from '../world/cluster.ts';
import type { Dice } from '../world/dice.ts';
import type { SimulatedNode } from '../world/node.ts';

/** Gives what happened, for the journal, and what ends it. */
export type Fault = (
  cluster: Cluster,
  dice: Dice,
) => { readonly what: string; readonly end?: () => void; readonly lastsMs?: number };

const second = 1_000;
const lasts = (dice: Dice, longestSeconds: number): number => dice.between(1, longestSeconds) * second;
const anyNode = (cluster: Cluster, dice: Dice): SimulatedNode => dice.pick(cluster.nodes)!;

const onNode =
  (text: string, longestSeconds: number, begin: (node: SimulatedNode, dice: Dice) => () => void): Fault =>
  (cluster, dice) => {
    const node = anyNode(cluster, dice);
    const lastsMs = lasts(dice, longestSeconds);
    return { what: `${node.name} ${text}`, lastsMs, end: begin(node, dice) };
  };

export const faults: Readonly<Record<string, { readonly weight: number; readonly begin: Fault }>> = {
  'the control plane crashes': {
    weight: 4,
    begin: (cluster, dice) => {
      cluster.controlPlane.crash();
      return {
        what: 'gone',
        lastsMs: dice.chance(0.5) ? dice.between(100, 2_000) : lasts(dice, 60),
        end: () => (cluster.controlPlane.server === undefined ? cluster.controlPlane.start() : undefined),
      };
    },
  },
  'a node agent crashes': {
    weight: 3,
    begin: onNode('lost its agent', 60, (node) => {
      node.crash();
      return () => (node.isUp ? undefined : node.start());
    }),
  },
  'a node loses power': {
    weight: 2,
    begin: onNode('lost power', 120, (node, dice) => {
      node.powerCut(dice.chance(0.5));
      return () => (node.isUp ? undefined : node.start());
    }),
  },
  'the disk is full': {
    weight: 2,
    begin: (cluster, dice) => {
      cluster.disk.full = true;
      return { what: 'writes are refused', lastsMs: lasts(dice, 30), end: () => void (cluster.disk.full = false) };
    },
  },
  'the disk is slow': {
    weight: 2,
    begin: (cluster, dice) => {
      cluster.disk.commitMs = dice.between(200, 3_000);
      const end = () => void (cluster.disk.commitMs = cluster.profile.commitMs);
      return { what: `${cluster.disk.commitMs} ms`, lastsMs: lasts(dice, 30), end };
    },
  },
  'the clock jumps': {
    weight: 2,
    begin: (cluster, dice) => {
      const byMs = (dice.chance(0.5) ? 1 : -1) * dice.between(1, 600) * second;
      cluster.timeline.jumpWall(byMs);
      return { what: `${byMs / second} s` };
    },
  },
  'watches of the control plane break': {
    weight: 2,
    begin: (cluster) => {
      cluster.controlPlane.breakWatches();
      return { what: 'all' };
    },
  },
  'watches of a node break': {
    weight: 2,
    begin: onNode('lost its watches', 1, (node) => {
      node.breakWatches();
      return () => undefined;
    }),
  },
  'a node is cut off': {
    weight: 3,
    begin: onNode('is cut off', 150, (node) => {
      node.options.link.cut = true;
      return () => void (node.options.link.cut = false);
    }),
  },
  'a runtime hangs': {
    weight: 2,
    begin: onNode("'s runtime hangs", 150, (node) => {
      node.options.calls.hangs = true;
      return () => void (node.options.calls.hangs = false);
    }),
  },
  'a runtime fails now and then': {
    weight: 2,
    begin: onNode("'s runtime fails", 60, (node, dice) => {
      node.options.calls.errors = dice.between(1, 5) / 10;
      return () => void (node.options.calls.errors = 0);
    }),
  },
  'a runtime loses events': {
    weight: 1,
    begin: onNode("'s runtime loses events", 60, (node) => {
      node.options.calls.eventsLost = 0.5;
      return () => void (node.options.calls.eventsLost = 0);
    }),
  },
  'images cannot be pulled': {
    weight: 1,
    begin: (cluster, dice) => {
      cluster.programs.pullsFail = true;
      return { what: 'anywhere', lastsMs: lasts(dice, 60), end: () => void (cluster.programs.pullsFail = false) };
    },
  },
  'a container is killed': {
    weight: 2,
    begin: (cluster, dice) => {
      const { runtime } = anyNode(cluster, dice);
      const victim = dice.pick([...runtime.containers.values()].filter((one) => one.state === 'running'));
      if (victim === undefined) return { what: 'there is none' };
      runtime.kill(victim.id);
      return { what: victim.id };
    },
  },
};

/** Everything is well again. */
export function heal(cluster: Cluster): void {
  cluster.disk.full = false;
  cluster.disk.commitMs = cluster.profile.commitMs;
  cluster.programs.pullsFail = false;
  cluster.programs.calm = true;
  for (const node of cluster.nodes) {
    node.options.link.cut = false;
    Object.assign(node.options.calls, { errors: 0, hangs: false, eventsLost: 0 });
    if (!node.isUp) node.start();
  }
  if (cluster.controlPlane.server === undefined) cluster.controlPlane.start();
}
