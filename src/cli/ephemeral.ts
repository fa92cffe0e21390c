// `microshift run --ephemeral`: a control plane that keeps nothing, on a free port, for tests.
import { reserveLoopbackPort, throwAwayDirectory } from '#host/throw-away.ts';
import { type RunFlags, UsageError } from './command.ts';

export interface Ephemeral {
  readonly flags: RunFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The same flags and environment with what follows from `--ephemeral`. Throws UsageError for flags that contradict it. */
export async function ephemeral(
  flags: RunFlags,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Ephemeral> {
  const contradicts = (flag: string, why: string): UsageError =>
    new UsageError(`--ephemeral does not go with ${flag}: ${why}`, `Leave out one of the two.`);
  if (flags.dataDir !== undefined) throw contradicts('--data-dir', 'it keeps nothing');
  if (flags.datastore !== undefined) throw contradicts('--datastore', 'it keeps nothing');
  if (flags.kubeconfig !== undefined) throw contradicts('--kubeconfig', 'it joins nobody');
  if (flags.roles !== undefined && flags.roles !== 'controlplane')
    throw contradicts(`--roles ${flags.roles}`, 'containers outlive the process that started them');
  const url = environment['MICROSHIFT_CLUSTER_URL'] ?? `https://127.0.0.1:${await reserveLoopbackPort()}`;
  return {
    flags: { ...flags, dataDir: throwAwayDirectory('microshift'), roles: 'controlplane' },
    environment: { ...environment, MICROSHIFT_CLUSTER_URL: url },
  };
}
