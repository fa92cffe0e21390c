// The node's own credentials of registries: the files that `podman login`, docker, CRI-O and kubelet keep. Read at every pull,
// so that a login takes effect without a restart.
import { messageOf } from '#base/errors.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { type Keyring, readKeyring, type RegistryEntry } from './keyring.ts';

export interface AuthFile {
  readonly path: string;
  readonly form: 'config' | 'legacy';
}

/** In order of preference. `podman login` in a login session writes below /run/user, elsewhere below /run/containers. */
export function standardAuthFiles(places: {
  /** kubelet's. */
  readonly rootDirectory: string;
  readonly home: string;
  readonly uid: number;
}): readonly AuthFile[] {
  const { rootDirectory, home, uid } = places;
  const config = [
    `/run/user/${uid}/containers/auth.json`,
    `/run/containers/${uid}/auth.json`,
    `${home}/.config/containers/auth.json`,
    '/etc/crio/openshift-pull-secret',
    `${rootDirectory}/config.json`,
    `${home}/.docker/config.json`,
    '/.docker/config.json',
  ];
  const legacy = [`${rootDirectory}/.dockercfg`, `${home}/.dockercfg`, '/.dockercfg'];
  return [
    ...config.map((path) => ({ path, form: 'config' as const })),
    ...legacy.map((path) => ({ path, form: 'legacy' as const })),
  ];
}

export interface NodeKeyrings {
  /** A keyring a file. */
  readonly keyrings: readonly (readonly RegistryEntry[])[];
  /** What could not be read, a sentence for each file. The others hold. */
  readonly problems: readonly string[];
}

export async function readAuthFiles(
  machine: Pick<NodeMachine, 'readText'>,
  authFiles: readonly AuthFile[],
): Promise<NodeKeyrings> {
  const read = await Promise.all(
    authFiles.map(async ({ path, form }): Promise<Keyring & { readonly path: string }> => {
      try {
        const content = await machine.readText(path);
        if (content === undefined || content.trim() === '') return { path, entries: [], problems: [] };
        return { path, ...readKeyring(content, form) };
      } catch (error) {
        return { path, entries: [], problems: [messageOf(error)] };
      }
    }),
  );
  return {
    keyrings: read.map(({ entries }) => entries).filter((entries) => entries.length > 0),
    problems: read.flatMap(({ path, problems }) =>
      problems.map(
        (why) => `Registry logins in ${path} are not used: ${why}. Correct the file, or remove it and log in again.`,
      ),
    ),
  };
}
