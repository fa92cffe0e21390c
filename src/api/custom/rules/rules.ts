// The rules of a schema (x-kubernetes-validations), loaded with the first definition that has some: most clusters never do.
import { InvariantError } from '#base/errors.ts';

export type { Rules } from './evaluate.ts';

type Loaded = typeof import('./evaluate.ts') & typeof import('./definition.ts');
let loaded: Loaded | undefined;

export async function loadRules(): Promise<void> {
  if (loaded !== undefined) return;
  const [evaluate, definition] = await Promise.all([import('./evaluate.ts'), import('./definition.ts')]);
  await evaluate.loadCel();
  loaded = { ...evaluate, ...definition };
}

/** Once they are loaded. */
export function rulesModule(): Loaded {
  if (loaded === undefined) throw new InvariantError('rules are used before they are loaded');
  return loaded;
}
