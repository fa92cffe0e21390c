// Applies the kustomizations of the machine's directories. Never waits for them: a start does not depend on manifests.
import path from 'node:path';
import type { Scope } from '#base/scope.ts';
import type { EventRecorder } from '#client/client.ts';
import { directoryTree, matchingDirectories } from '#host/directory-tree.ts';
import { watchPaths } from '#host/watched-paths.ts';
import { Manifests } from '../manifests/manifests.ts';
import type { AssemblyContext } from '../parts.ts';

export async function startManifests(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { live, clock, logger, parts } = context;
  const client = parts.take('systemClient');
  let recorder: EventRecorder | undefined;
  const manifests = new Manifests({
    client,
    events: async () => {
      if (recorder !== undefined) return recorder;
      const { createEventRecorder } = await import('#client/event-recorder.ts');
      const made = createEventRecorder({ client, component: 'microshift-manifests', clock, logger });
      scope.onClose(() => made.close());
      recorder = made;
      return made;
    },
    clock,
    logger,
    tree: directoryTree,
    matching: matchingDirectories,
    watch: (paths, onChange) =>
      watchPaths(paths, clock, onChange, (error) =>
        logger.warn('changes of manifests may not be noticed: a restart applies them', { error: String(error) }),
      ),
    patterns: () => {
      const { dataDirectory, manifests: configured } = live.current;
      const { kustomizePaths } = configured;
      return kustomizePaths.length === 0 ? [] : [path.join(dataDirectory, 'manifests'), ...kustomizePaths];
    },
  });
  manifests.start(scope);
  const following = live.onChange(
    (one) => one.manifests,
    () => manifests.lookAgain(),
  );
  scope.onClose(() => following[Symbol.dispose]());
  return () => manifests.problems();
}
