// THE list of hand-written kinds: `Kind` or `group/Kind` -> behaviour. A file below kinds/ that is not here fails a test.
import type { KindBehaviour } from '../kind.ts';

export const behaviours: Readonly<Record<string, KindBehaviour>> = {};
