// Brings the archives of node.imageDir into the container runtime: at start, and those that are dropped there later.
import { messageOf } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import type { RuntimeSocket } from '#host/linux/image-archives.ts';
import type { ContainerRuntime } from '#node/cri/runtime.ts';
import type { AssemblyContext } from '../parts.ts';
import { importedArchivesPath } from '../paths.ts';

export interface ArchiveImages {
  /** Of the images that the archives hold, and of the sandboxes' image. */
  readonly names: () => readonly string[];
  readonly problems: () => readonly string[];
  /** The connection that brought them in goes to its first caller. */
  readonly connect: () => Promise<ContainerRuntime>;
}

export async function importArchives(
  { configuration, clock, files, logger }: AssemblyContext,
  scope: Scope,
  socketPath: string,
): Promise<ArchiveImages> {
  const { node, dataDirectory } = configuration;
  const [{ connectRuntime }, { parseKnownArchives, preloadImages, provideSandboxImage }, { linuxImageArchives }] =
    await Promise.all([
      import('#node/cri/runtime.ts'),
      import('#node/images/preloaded.ts'),
      import('#host/linux/image-archives.ts'),
    ]);
  const kind: RuntimeSocket['kind'] = socketPath.includes('crio') ? 'cri-o' : 'containerd';
  const archives = linuxImageArchives(() => ({ kind, path: socketPath }));
  const stateFile = importedArchivesPath(dataDirectory);
  let known = parseKnownArchives(await files.readText(stateFile));
  let found: { readonly names: readonly string[]; readonly problems: readonly string[] } = { names: [], problems: [] };
  let sandbox: readonly string[] = [];
  let connected: ContainerRuntime | undefined;
  /** At most one at a time and one behind it. */
  let running: Promise<void> | undefined;
  let again = false;

  async function look(): Promise<void> {
    try {
      const runtime = connected ?? (await connectRuntime(socketPath, clock));
      connected = runtime;
      found = await preloadImages({ directory: node.imageDirectory, archives, runtime, logger, known }).then(
        (result) => {
          ({ known } = result);
          return result;
        },
      );
      const text = `${JSON.stringify(known)}\n`;
      if ((await files.readText(stateFile)) !== text) await files.writeAtomic(stateFile, text, 0o600);
      const pause = await provideSandboxImage({ archives, runtime, pauseImage: node.pauseImage, logger });
      sandbox = pause.names;
    } catch (error) {
      const problem = `The images of ${node.imageDirectory} could not be imported: ${messageOf(error)}`;
      logger.warn(problem);
      found = { names: found.names, problems: [problem] };
    }
  }
  const lookAgain = (): void => {
    if (running !== undefined) {
      again = true;
      return;
    }
    running = look().finally(() => {
      running = undefined;
      if (!again || scope.signal.aborted) return;
      again = false;
      lookAgain();
    });
  };
  await look();
  const watching = archives.watch(node.imageDirectory, () => lookAgain());
  let isTaken = false;
  scope.onClose(async () => {
    watching[Symbol.dispose]();
    await running;
    connected?.close();
  });
  return {
    names: () => [...found.names, ...sandbox],
    problems: () => found.problems,
    connect() {
      if (isTaken || connected === undefined) return connectRuntime(socketPath, clock);
      isTaken = true;
      const runtime = connected;
      connected = undefined;
      return Promise.resolve(runtime);
    },
  };
}
