// A request that the documents tell of, without the dialect, and the names of upstream's generator.
import type { Parameter } from './parameters.ts';

export interface Operation {
  readonly method: 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';
  /** Upstream's word for the verb, such as `list` or `deletecollection`; discovery has none. */
  readonly action?: string | undefined;
  readonly groupVersionKind?: { readonly group: string; readonly kind: string; readonly version: string } | undefined;
  readonly operationId: string;
  readonly tag: string;
  readonly description: string;
  /** Those of the path included. */
  readonly parameters: readonly Parameter[];
  readonly body?: { readonly type: string; readonly required: boolean } | undefined;
  readonly consumes?: readonly string[] | undefined;
  readonly produces: readonly string[];
  /** Status code -> type name; '' for a text. */
  readonly answers: Readonly<Record<number, string>>;
}

export interface PathItem {
  readonly path: string;
  readonly operations: readonly Operation[];
}

export const objectTypes: readonly string[] = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
];
export const streamTypes: readonly string[] = [
  ...objectTypes,
  'application/json;stream=watch',
  'application/vnd.kubernetes.protobuf;stream=watch',
];

export const metaType = (name: string): string => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`;
export const upperFirst = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

/** Letters, digits and underscores; a letter after anything else is a capital. */
const identifier = (text: string): string =>
  text.replace(/^\d/, '').replaceAll(/[^\p{L}\p{Nd}_]+(\p{L}|\p{Nd}|_|$)/gu, (_, next: string) => next.toUpperCase());

/** `rbac.authorization.k8s.io` -> `rbacAuthorization`. */
export const groupWord = (group: string): string =>
  group === '' ? 'core' : identifier(group.replace(/\.k8s\.io$/, ''));

/** `apps`, or `apps_v1` with a version. */
export const tagOf = (group: string, version?: string): string =>
  version === undefined ? groupWord(group) : `${groupWord(group)}_${identifier(version)}`;

/** `list`, `apps`, `v1`, `Deployment` -> `listAppsV1Deployment`. */
export const operationIdOf = (verb: string, group: string, version: string, rest: string): string =>
  `${verb}${upperFirst(groupWord(group))}${upperFirst(identifier(version))}${upperFirst(rest)}`;

/** Before a kind: ` a `, ` an `, and nothing but a blank before plurals. */
export const articleOf = (kind: string): string =>
  kind.endsWith('s') && !kind.endsWith('ss') ? ' ' : /^[aeiou]/i.test(kind) ? ' an ' : ' a ';

export const pathPrefix = (group: string, version: string): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

const keyOf = ({ name, in: place }: Parameter): string => `${name} ${place}`;
const byName = (a: Parameter, b: Parameter): number => (keyOf(a) < keyOf(b) ? -1 : 1);

/** The parameters that every operation has stand in the path item, in alphabetical order. */
export function sharedParameters({ operations }: PathItem): readonly Parameter[] {
  const counts = new Map<string, number>();
  for (const { parameters } of operations)
    for (const one of parameters) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return (operations[0]?.parameters ?? [])
    .filter((one) => counts.get(keyOf(one)) === operations.length)
    .toSorted(byName);
}

/** The others. */
export function ownParameters(operation: Operation, shared: readonly Parameter[]): readonly Parameter[] {
  const keys = new Set(shared.map(keyOf));
  return operation.parameters.filter((one) => !keys.has(keyOf(one))).toSorted(byName);
}
