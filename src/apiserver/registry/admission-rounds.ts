// Which plugins are asked about a write: of a kind and an operation the same ones each time, so that nobody asks the others again and
// again whether it concerns them.
import type { KindRow } from '#api/kind.ts';
import type { AdmissionAttributes, AdmissionOperation, AdmissionPlugin, Server } from '../context.ts';
import type { AdmissionHalf, AdmissionSeries } from '../metrics/admission.ts';

/** What a plugin does in this half. */
type Ask = (attributes: AdmissionAttributes, server: Server) => void | Promise<void>;

/** One half of admission. */
export interface AdmissionRound {
  /** In their order. */
  readonly asked: readonly Ask[];
  readonly series: AdmissionSeries;
}

type Rounds = Partial<Record<AdmissionHalf, Partial<Record<AdmissionOperation, AdmissionRound>>>>;

/** Lists of plugins are a server's own. */
const known = new WeakMap<readonly AdmissionPlugin[], WeakMap<KindRow, Rounds>>();

export function roundOf(
  server: Server,
  plugins: readonly AdmissionPlugin[],
  half: AdmissionHalf,
  { row, operation }: AdmissionAttributes,
): AdmissionRound {
  let byRow = known.get(plugins);
  if (byRow === undefined) known.set(plugins, (byRow = new WeakMap()));
  let rounds = byRow.get(row);
  if (rounds === undefined) byRow.set(row, (rounds = {}));
  return ((rounds[half] ??= {})[operation] ??= makeRound(server, plugins, half, row, operation));
}

function makeRound(
  server: Server,
  plugins: readonly AdmissionPlugin[],
  half: AdmissionHalf,
  row: KindRow,
  operation: AdmissionOperation,
): AdmissionRound {
  const members = plugins
    .filter((one) => typeof one[half === 'admit' ? 'mutate' : 'validate'] === 'function')
    .map((plugin) => ({ plugin, name: plugin.name, isAsked: plugin.concerns?.(row) ?? true }));
  const asked = members
    .filter((one) => one.isAsked)
    .map(({ plugin }): Ask =>
      half === 'admit'
        ? (attributes, asker) => plugin.mutate!(attributes, asker)
        : (attributes, asker) => plugin.validate!(attributes, asker),
    );
  return { asked, series: server.metrics.admission.bind(half, operation, members) };
}
