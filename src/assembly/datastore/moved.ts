// The mark in a data directory whose cluster was copied to etcd: what is in its data file is old, and must not be served.
import path from 'node:path';
import { OperatorError } from '#base/errors.ts';
import type { Files } from '#host/files.ts';

export interface MovedNotice {
  /** Members of the etcd. */
  readonly to: readonly string[];
  /** RFC 3339. */
  readonly at: string;
}

export const movedFile = (directory: string): string => path.join(directory, 'moved.json');

/** Throws OperatorError for a data file that is not to be used any more. */
export async function checkNotMoved(directory: string, files: Files): Promise<void> {
  const text = await files.readText(movedFile(directory));
  if (text === undefined) return;
  const { to, at } = JSON.parse(text) as MovedNotice;
  throw new OperatorError(
    `the cluster of this data directory was copied to the etcd at ${to.join(', ')} on ${at}, and goes on there`,
    `Set datastore.endpoint. To come back, give \`microshift datastore copy --from\`; to go on with what was here before the copy, remove ${movedFile(directory)}.`,
  );
}
