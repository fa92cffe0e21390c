// The verb of authorization that an HTTP method stands for on one resource or path.
import { ownValue } from '#base/own-value.ts';

const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Undefined: a method that no resource has. */
export const verbOfMethod = (method: string): string | undefined => ownValue(verbs, method);
