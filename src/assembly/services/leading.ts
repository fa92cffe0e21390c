// Where several API servers are on one etcd, the controllers run in one of the processes at a time, and so does the scheduler.
import type { Scope } from '#base/scope.ts';
import { uuid } from '#base/random.ts';
import type { Client } from '#client/client.ts';
import { Elector } from '../leadership/elector.ts';
import type { AssemblyContext } from '../parts.ts';
import { eventsOf, startControllers, startScheduler } from './controllers.ts';

type Start = (context: AssemblyContext, scope: Scope) => Promise<() => readonly string[]>;

interface Role {
  /** The name of its Lease, and of the user that writes it: upstream's. */
  readonly lease: string;
  /** In events: upstream's. */
  readonly component: string;
  readonly start: Start;
}

const led =
  ({ lease, component, start }: Role): Start =>
  async (context, scope) => {
    const { clock, random, logger, metrics, parts } = context;
    const client = parts.take('clientAs')(`system:${lease}`);
    const events = (await eventsOf(context, scope))(client, component);
    const identity = `${context.identity.hostname}_${uuid(random)}`;
    const status = metrics.gauge(
      'leader_election_master_status',
      "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
      ['name'],
    );
    status.with({ name: lease }).set(0);
    let problems: (() => readonly string[]) | undefined;
    // Of this term: a former leader writes nothing more, whatever it is in the middle of.
    const clients = new Set<Client>();
    const elector = new Elector({
      name: lease,
      identity,
      client,
      clock,
      random,
      logger,
      lead: async (term) => {
        const clientAs: typeof ofAll = (...identified) => {
          const own = ofAll(...identified);
          clients.add(own);
          term.onClose(async () => {
            clients.delete(own);
            await own.close();
          });
          return own;
        };
        const ofAll = parts.take('clientAs');
        problems = await start({ ...context, parts: parts.with('clientAs', clientAs) }, term);
      },
      fence: () => {
        for (const one of clients) void one.close();
      },
      onChange: (isLeader, { lease: object }) => {
        status.with({ name: lease }).set(isLeader ? 1 : 0);
        if (!isLeader) problems = undefined;
        const about = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: object.metadata };
        events.event(
          about,
          'Normal',
          'LeaderElection',
          `${identity} ${isLeader ? 'became leader' : 'stopped leading'}`,
        );
      },
    });
    scope.spawn('leader election', (signal) => elector.run(signal));
    return () => problems?.() ?? [];
  };

export const startLedControllers = led({
  lease: 'kube-controller-manager',
  component: 'kube-controller-manager',
  start: startControllers,
});
export const startLedScheduler = led({
  lease: 'kube-scheduler',
  component: 'default-scheduler',
  start: startScheduler,
});
