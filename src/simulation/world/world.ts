// What all parts of one simulated cluster share.
import { createInProcessClient } from '#client/in-process.ts';
import { createEventRecorder } from '#client/event-recorder.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import type { Logger } from '#base/log.ts';
import { type Dice } from './dice.ts';
import type { Journal } from './journal.ts';
import { Link, type LinkConditions, type Server } from './link.ts';
import type { Life, Timeline } from './timeline.ts';

export interface World {
  readonly timeline: Timeline;
  readonly journal: Journal;
  readonly dice: Dice;
  /** The API server that answers now; undefined: none does. */
  server(): Server | undefined;
  /** Hears of every write that was answered with its revision. */
  onAcknowledged?(revision: number, what: string): void;
}

export const groupsOf = (name: string): readonly string[] => {
  const [, kind, namespace] = name.split(':');
  const own =
    kind === 'serviceaccount'
      ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
      : kind === 'node'
        ? ['system:nodes']
        : name === 'admin'
          ? ['system:masters']
          : [];
  return [...own, 'system:authenticated'];
};

export interface ConnectOptions {
  readonly world: World;
  readonly life: Life;
  readonly name: string;
  readonly conditions: LinkConditions;
  readonly logger: Logger;
  /** Its watches are known here, to be broken. */
  readonly links: Link[];
}

/** A client in this name, over a link of its own. */
export function connect({ world, life, name, conditions, logger, links }: ConnectOptions): Client {
  const link = new Link({
    conditions,
    server: () => world.server(),
    life,
    dice: world.dice.fork(`link ${life.name} ${name} ${links.length}`),
    onAnswer: ({ method, path }, response) => {
      if (method !== 'GET' && response.status < 300 && response.body.type === 'object') {
        const written = response.body.object as { readonly metadata?: { readonly resourceVersion?: string } };
        world.onAcknowledged?.(Number(written.metadata?.resourceVersion ?? 0), `${method} ${path}`);
      }
      if (response.status !== 500) return;
      const text = response.body.type === 'object' ? JSON.stringify(response.body.object) : response.body.type;
      world.journal.violate('the API server never answers 500', `${method} ${path} of ${name}: ${text}`);
    },
  });
  links.push(link);
  return createInProcessClient({
    handler: link,
    identity: { name, groups: groupsOf(name) },
    clock: life.clock,
    random: world.dice.fork(`client ${life.name} ${name}`).random,
    logger,
    remote: conditions.latencyMs > 0,
  });
}

export const recorderOf =
  (world: World, life: Life, logger: Logger) =>
  (client: Client, component: string, host?: string): EventRecorder =>
    createEventRecorder({
      client,
      component,
      host,
      clock: life.clock,
      logger,
      random: world.dice.fork(`events ${life.name} ${component}`).random,
    });
