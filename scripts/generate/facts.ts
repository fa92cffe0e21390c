// Shapes of the fact tables, as far as the generators read them, and the naming of TypeScript types.

export interface FieldFacts {
  readonly type?: string;
  readonly ref?: string;
  readonly array?: FieldFacts;
  readonly map?: FieldFacts;
  readonly format?: string;
  readonly required?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly go?: string;
}
export interface TypeFacts {
  readonly gvks?: readonly (readonly [string, string, string])[];
  readonly type?: string;
  readonly format?: string;
  readonly v3oneOf?: readonly { readonly type: string }[];
  readonly fields: Readonly<Record<string, FieldFacts>>;
}
export interface TypeTable {
  readonly types: Readonly<Record<string, TypeFacts>>;
  readonly extraTypes?: Readonly<Record<string, TypeFacts>>;
}
export interface ResourceFacts {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}
export interface ResourceTable {
  readonly resources: Readonly<Record<string, ResourceFacts>>;
}

const upperFirst = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Kinds whose version is v1 keep their bare name when it is unique; all others get the group and version behind it. */
export function typeNamer(names: readonly string[]): (name: string) => string {
  const last = (name: string) => name.slice(name.lastIndexOf('.') + 1);
  const rank = (name: string) => {
    const version = name.split('.').at(-2) ?? '';
    if (name.includes('.meta.v1.')) return 0;
    if (name.includes('.core.v1.')) return 1;
    return /^v\d+$/.test(version) ? 10 - Number(version.slice(1)) : 50;
  };
  const owner = new Map<string, string>();
  for (const name of names) {
    const current = owner.get(last(name));
    if (current === undefined || rank(name) < rank(current)) owner.set(last(name), name);
  }
  return (name) => {
    if (owner.get(last(name)) === name) return last(name);
    const parts = name.split('.');
    return `${last(name)}${upperFirst(parts.at(-3) ?? '')}${upperFirst(parts.at(-2) ?? '')}`;
  };
}

/** The OpenShift types that this project serves. */
export const openshiftTypePrefixes = [
  'com.github.openshift.api.route.v1.',
  'com.github.openshift.api.security.v1.',
  'com.github.openshift.api.project.v1.',
  'com.github.openshift.api.user.v1.',
];
