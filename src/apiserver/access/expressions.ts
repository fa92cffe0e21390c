// Expressions of CEL in configuration files: compiled once, when the file is read.
import { environment, loadCel, type Program } from '#api/cel/cel.ts';
import { boolType, dynType, listType, mapType, objectOf, stringType, type CelType } from '#api/cel/types.ts';
import type { Reading } from './reading.ts';

const stringsMap = mapType(stringType, listType(stringType));
const requirement = objectOf('kubernetes.SelectorRequirement', {
  key: stringType,
  operator: stringType,
  values: listType(stringType),
});
const selector = objectOf('kubernetes.SelectorAttributes', {
  rawSelector: stringType,
  requirements: listType(requirement),
});

/** The spec of a SubjectAccessReview of v1. */
export const requestType = objectOf('kubernetes.SubjectAccessReviewSpec', {
  resourceAttributes: objectOf('kubernetes.ResourceAttributes', {
    namespace: stringType,
    verb: stringType,
    group: stringType,
    version: stringType,
    resource: stringType,
    subresource: stringType,
    name: stringType,
    fieldSelector: selector,
    labelSelector: selector,
  }),
  nonResourceAttributes: objectOf('kubernetes.NonResourceAttributes', { path: stringType, verb: stringType }),
  user: stringType,
  groups: listType(stringType),
  extra: stringsMap,
  uid: stringType,
});
export const userType = objectOf('kubernetes.UserInfo', {
  username: stringType,
  uid: stringType,
  groups: listType(stringType),
  extra: stringsMap,
});
export const claimsType = mapType(stringType, dynType);

export const isTrue = [boolType];
export const isText = [stringType];
export const isTexts = [stringType, listType(stringType), listType(dynType)];

export interface Expressions {
  /** Undefined: it does not compile, which the reading was told. */
  compile(text: string, path: string, results: readonly CelType[]): Program | undefined;
}

export async function expressionsOver(
  variables: Readonly<Record<string, CelType>>,
  reading: Reading,
): Promise<Expressions> {
  await loadCel();
  const known = environment({ variables });
  return {
    compile(text, path, resultTypes) {
      const compiled = known.compile(text, { resultTypes });
      if (compiled.program !== undefined) return compiled.program;
      reading.invalid(path, text, compiled.errors);
      return undefined;
    },
  };
}
