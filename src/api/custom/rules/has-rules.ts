// Whether a schema has rules at all, before anything of them is loaded.
import { someSchema, type Schema } from '../schema.ts';

const known = new WeakMap<Schema, boolean>();

export function hasRules(schema: Schema): boolean {
  let has = known.get(schema);
  if (has === undefined) {
    has = someSchema(schema, (one) => (one['x-kubernetes-validations']?.length ?? 0) > 0);
    known.set(schema, has);
  }
  return has;
}
