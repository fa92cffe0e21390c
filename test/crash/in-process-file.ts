// The data file without the thread, which takes longer to start than an image takes to judge.
import { messageOf } from '#base/errors.ts';
import { failureOf, RowDatabase } from '#host/linux/row-database.ts';
import { type OpenRowFile, RowFileError } from '#host/row-file.ts';

function guarded<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw new RowFileError(failureOf(error), messageOf(error));
  }
}

export const openInProcess: OpenRowFile = async (options, onRows) =>
  guarded(() => {
    const database = new RowDatabase(options);
    const meta = database.meta();
    for (const rows of database.rows()) onRows(rows);
    return {
      meta,
      usage: () => database.usage(),
      look: async () => {},
      commit: async (rows, newMeta) => guarded(() => database.commit(rows, newMeta)),
      copyTo: async (target) => guarded(() => database.copyTo(target)),
      close: async () => guarded(() => database.close()),
    };
  });
