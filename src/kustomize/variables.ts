// Vars, the deprecated forerunner of replacements: `$(NAME)` in texts of certain fields.
import { isJsonObject, type MutableJson } from '#api/patch/json-values.ts';
import { itemPlace, memberPlace, visitField, type Place } from './field-walk.ts';
import { variableSpecs } from './field-specs.ts';
import type { Variable } from './kustomization.ts';
import { KustomizeError } from './kustomize-error.ts';
import { lookUp } from './object-paths.ts';
import type { ResourceList } from './resource-list.ts';
import { effectiveNamespace, isClusterScoped, isSameKind, splitApiVersion, type ResourceId } from './resource.ts';

/** Remembers in the objects which variables they hold, and adds these to `known`. */
export function noteVariables(list: ResourceList, variables: readonly Variable[], known: Map<string, Variable>): void {
  for (const variable of variables) {
    const { name, objref } = variable;
    if (known.has(name)) throw new KustomizeError(`var '${name}' already encountered`);
    known.set(name, variable);
    const { group = '', version = '', kind = '', namespace = '' } = objref;
    const wanted: ResourceId = {
      group,
      version,
      kind,
      namespace,
      name: objref.name ?? '',
      ...(objref.apiVersion ? splitApiVersion(objref.apiVersion) : {}),
    };
    const isExact = namespace !== '' || isClusterScoped(wanted);
    const found = list.withAnyId(
      (id) =>
        id.name === wanted.name &&
        isSameKind(id, wanted) &&
        (!isExact || effectiveNamespace(id) === effectiveNamespace(wanted)),
    );
    if (found.length > 1)
      throw new KustomizeError(`found ${found.length} resId matches for var ${name} (unable to disambiguate)`);
    found[0]?.variables.push(name);
  }
}

export function resolveVariables(list: ResourceList, known: ReadonlyMap<string, Variable>): void {
  if (known.size === 0) return;
  const values = new Map([...known].map(([name, variable]) => [name, valueOf(list, name, variable)]));
  for (const resource of list.items)
    for (const spec of variableSpecs) visitField(resource, spec, undefined, (place) => expandPlace(place, values));
}

function valueOf(list: ResourceList, name: string, { fieldref }: Variable): unknown {
  const holder = list.items.find((one) => one.variables.includes(name));
  if (holder === undefined)
    throw new KustomizeError(`var '${name}' cannot be mapped to a field in the set of known resources`);
  const path = (fieldref?.fieldPath || 'metadata.name').replaceAll(/\[(\d+)\]/g, '.$1').replaceAll('..', '.');
  const value = lookUp(holder.object, path.split('.'));
  if (value === undefined)
    throw new KustomizeError(`field specified in var '${name}' not found in corresponding resource`);
  return value;
}

function expandPlace(place: Place, values: ReadonlyMap<string, unknown>): void {
  const { value } = place;
  if (typeof value === 'string') place.set(expand(value, values));
  else if (Array.isArray(value))
    value.forEach((one: unknown, index) => {
      if (typeof one !== 'string') throw new KustomizeError('invalid value type expect a string');
      itemPlace(value, index).set(expand(one, values));
    });
  else if (isJsonObject(value))
    for (const key of Object.keys(value)) {
      const member = memberPlace(value as MutableJson, key);
      if (typeof member.value === 'string') member.set(expand(member.value, values));
    }
}

/** `$$` stands for `$`. A text that is nothing but one variable takes its type too. */
function expand(text: string, values: ReadonlyMap<string, unknown>): unknown {
  const known = (name: string) => {
    const value = values.get(name);
    return typeof value === 'object' ? undefined : value;
  };
  const whole = /^\$\(([^)]*)\)$/.exec(text);
  if (whole !== null) return known(whole[1]!) ?? text;
  return text.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (found, name?: string) =>
    name === undefined ? '$' : String((known(name) as string | number | boolean | undefined) ?? found),
  );
}
