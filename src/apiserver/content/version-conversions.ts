// Older versions of built-in kinds that differ from the stored one in little or nothing: most in apiVersion only;
// resource.k8s.io/v1beta1 has a request's wishes beside its name, and a device's properties below `basic`.
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import { applyDefaults } from '#api/schema/defaults.ts';

type Fields = Readonly<Record<string, unknown>>;
interface Shapes {
  fromStorage(object: KubernetesObject): KubernetesObject;
  toStorage(object: KubernetesObject): Mutable<KubernetesObject>;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const apiVersion = ({ group, version }: { readonly group: string; readonly version: string }) => `${group}/${version}`;

/** With the part at the path replaced; where there is none, nothing changes. */
function withPart(object: Fields, [key, ...rest]: readonly string[], change: (part: unknown) => unknown): Fields {
  const part = key === undefined ? undefined : object[key];
  if (part === undefined) return object;
  return { ...object, [key!]: rest.length === 0 ? change(part) : isFields(part) ? withPart(part, rest, change) : part };
}
const withList =
  (path: readonly string[], change: (item: Fields) => Fields) =>
  (object: Fields): Fields =>
    withPart(object, path, (part) =>
      Array.isArray(part) ? part.map((one) => (isFields(one) ? change(one) : one)) : part,
    );

const saysNothing = (value: unknown): boolean => value === undefined || value === null || value === '' || value === 0;

const nested = ({ name, firstAvailable, ...wishes }: Fields): Fields => ({
  name,
  ...(Object.values(wishes).every(saysNothing) ? {} : { exactly: wishes }),
  ...(firstAvailable === undefined ? {} : { firstAvailable }),
});
/** Go writes the class even where the alternatives have theirs. */
const flat = ({ exactly, ...rest }: Fields): Fields =>
  isFields(exactly) ? { ...rest, ...exactly } : { ...rest, deviceClassName: '' };
const withoutBasic = ({ basic, ...rest }: Fields): Fields => (isFields(basic) ? { ...rest, ...basic } : rest);
const withBasic = ({ name, ...properties }: Fields): Fields => ({ name, basic: properties });

const inSpec = ['spec', 'devices', 'requests'];
const inTemplate = ['spec', 'spec', 'devices', 'requests'];
/** Of resource.k8s.io/v1beta1: to the stored form, and from it. */
const changes: Readonly<Record<string, readonly [to: (object: Fields) => Fields, from: (object: Fields) => Fields]>> = {
  resourceclaims: [withList(inSpec, nested), withList(inSpec, flat)],
  resourceclaimtemplates: [withList(inTemplate, nested), withList(inTemplate, flat)],
  resourceslices: [withList(['spec', 'devices'], withoutBasic), withList(['spec', 'devices'], withBasic)],
};

/** `row` is served, `stored` is what is kept. */
export function betweenVersions(row: KindRow, stored: KindRow): Shapes {
  const unchanged = (object: Fields): Fields => object;
  const [to, from] =
    row.group === 'resource.k8s.io' && row.version === 'v1beta1'
      ? (changes[row.resource] ?? [unchanged, unchanged])
      : [unchanged, unchanged];
  return {
    fromStorage: (object) =>
      ({ ...from(object as unknown as Fields), apiVersion: apiVersion(row) }) as unknown as KubernetesObject,
    toStorage(object) {
      const result = { ...to(object as unknown as Fields), apiVersion: apiVersion(stored) };
      applyDefaults(stored.typeName, result);
      return result as unknown as Mutable<KubernetesObject>;
    },
  };
}
