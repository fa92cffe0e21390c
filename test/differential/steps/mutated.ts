// Mistakes in the fields themselves: as many mutations as are asked for, the same ones for the same seed, through create, update
// and patches, all as dry runs so that none depends on another.
import { createHash } from 'node:crypto';
import type { KindUnderTest } from '../kind-under-test.ts';
import { mutationsOf, type Mutation } from '../mutations.ts';
import { patchTypes, withQuery, type Known, type Step } from '../step.ts';

const rank = (seed: number, text: string): string =>
  createHash('sha256').update(`${seed} ${text}`).digest('hex').slice(0, 12);

/** The first of an order that a change of the list of mutations hardly changes. */
const chosen = (mutations: readonly Mutation[], seed: number, salt: string, count: number): Mutation[] =>
  mutations
    .map((mutation) => ({ mutation, at: rank(seed, `${salt} ${mutation.id}`) }))
    .toSorted((a, b) => (a.at < b.at ? -1 : 1))
    .slice(0, count)
    .map((one) => one.mutation);

const modes = ['Strict', 'Warn', 'Ignore', ''];

export function mutatedSteps(kind: KindUnderTest, count: number, seed: number): Step[] {
  const { fields } = kind;
  const modeOf = (id: string): string => modes[Number.parseInt(rank(seed, id).slice(0, 6), 16) % modes.length]!;
  const query = (id: string, more: Record<string, string> = {}): Record<string, string> => {
    const fieldValidation = modeOf(id);
    return { dryRun: 'All', ...(fieldValidation === '' ? {} : { fieldValidation }), ...more };
  };
  const creates = (['rich', 'small'] as const).flatMap((variant) =>
    chosen(
      mutationsOf(fields, kind[variant]('dry')),
      seed,
      `create ${variant}`,
      Math.ceil(count * (variant === 'rich' ? 0.4 : 0.1)),
    ).map((mutation): Step => {
      const body = kind[variant]('dry');
      mutation.apply(body);
      return {
        id: `create-${variant}/${mutation.id}`,
        method: 'POST',
        isMutation: true,
        path: withQuery(kind.collection, query(mutation.id)),
        body,
      };
    }),
  );
  if (!kind.row.verbs.includes('update')) return creates;
  const path = kind.pathOf('b');
  const own = mutationsOf(fields, kind.rich('b'));
  const updates = chosen(own, seed, 'update', Math.ceil(count * 0.25)).map((mutation): Step => ({
    id: `update/${mutation.id}`,
    method: 'PUT',
    isMutation: true,
    readsAgain: 'b',
    path: withQuery(path, query(mutation.id)),
    retries: true,
    body: (known: Known) => {
      const object = structuredClone(known.get('b'));
      if (object === undefined) return {};
      mutation.apply(object);
      return object;
    },
  }));
  const patches = (['merge', 'strategic', 'apply'] as const).flatMap((patch) =>
    chosen(own, seed, patch, Math.ceil(count * (patch === 'merge' ? 0.05 : 0.1))).map((mutation): Step => {
      const object = kind.rich('b');
      mutation.apply(object);
      const part = { [mutation.top]: object[mutation.top] };
      const body =
        patch === 'apply'
          ? { apiVersion: object.apiVersion, kind: object.kind, metadata: { name: kind.nameOf('b') }, ...part }
          : part;
      return {
        id: `${patch}/${mutation.id}`,
        method: 'PATCH',
        isMutation: true,
        path: withQuery(path, query(mutation.id, patch === 'apply' ? { fieldManager: 'mutant', force: 'true' } : {})),
        contentType: patchTypes[patch],
        body,
        retries: true,
      };
    }),
  );
  return [
    { id: 'read-before-mutations', method: 'GET', path, keep: 'b', silent: true },
    ...creates,
    ...updates,
    ...patches,
  ];
}
