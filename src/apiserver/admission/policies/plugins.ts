// The two plugins of admission policies. Without a policy they cost a comparison; the language of expressions is loaded with
// the first one.
import {
  MutatingAdmissionPolicies,
  MutatingAdmissionPolicyBindings,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
} from '#api/generated/kind-references.ts';
import type { Store } from '#storage/store.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../context.ts';
import { isExempt } from '../dynamic/exempt.ts';
import { policyHooks } from './hooks.ts';

/** Questions about access, and about who somebody is: a policy on them could break the cluster. */
const excludedGroups = new Set(['authentication.k8s.io', 'authorization.k8s.io']);
const isExcluded = (attributes: AdmissionAttributes): boolean =>
  isExempt(attributes) ||
  (excludedGroups.has(attributes.requested.group) && attributes.requested.storage === undefined);

/** The module, and the language that it uses; at once when it is there. */
function lazily<T>(load: () => Promise<T>): { module: T | undefined; loaded(): Promise<T> } {
  const holder = {
    module: undefined as T | undefined,
    async loaded() {
      const module = await load();
      await (await import('#api/cel/cel.ts')).loadCel();
      return (holder.module = module);
    },
  };
  return holder;
}

export function mutatingPolicies(store: Store): AdmissionPlugin {
  const code = lazily(() => import('./mutating.ts'));
  const hooks = policyHooks(store, MutatingAdmissionPolicies, MutatingAdmissionPolicyBindings, (policy) =>
    once(() => code.module!.compileMutating(policy)),
  );
  return {
    name: 'MutatingAdmissionPolicy',
    isDynamic: true,
    mutate(attributes, server) {
      const { items } = hooks;
      if (items.length === 0 || attributes.operation === 'DELETE' || isExcluded(attributes)) return undefined;
      return code.module === undefined
        ? code.loaded().then((module) => module.mutateByPolicies(items, attributes, server))
        : code.module.mutateByPolicies(items, attributes, server);
    },
    close: () => hooks[Symbol.dispose](),
  };
}

export function validatingPolicies(store: Store): AdmissionPlugin {
  const code = lazily(() => import('./validating.ts'));
  const hooks = policyHooks(store, ValidatingAdmissionPolicies, ValidatingAdmissionPolicyBindings, (policy) =>
    once(() => code.module!.compileValidating(policy)),
  );
  return {
    name: 'ValidatingAdmissionPolicy',
    isDynamic: true,
    validate(attributes, server) {
      const { items } = hooks;
      if (items.length === 0 || isExcluded(attributes)) return undefined;
      return code.module === undefined
        ? code.loaded().then((module) => module.validateByPolicies(items, attributes, server))
        : code.module.validateByPolicies(items, attributes, server);
    },
    close: () => hooks[Symbol.dispose](),
  };
}

/** A policy is compiled at the first request that it is about. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
