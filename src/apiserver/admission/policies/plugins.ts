// The two plugins of admission policies. Without a policy they cost nothing; the language of expressions is loaded with the
// first one.
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

type Mutating = typeof import('./mutating.ts');
type Validating = typeof import('./validating.ts');

export function mutatingPolicies(store: Store): AdmissionPlugin {
  let loaded: Mutating | undefined;
  const hooks = policyHooks(store, MutatingAdmissionPolicies, MutatingAdmissionPolicyBindings, (policy) =>
    once(() => loaded!.compileMutating(policy)),
  );
  return {
    name: 'MutatingAdmissionPolicy',
    async mutate(attributes, server) {
      if (hooks.items.length === 0 || attributes.operation === 'DELETE' || isExcluded(attributes)) return;
      const module = loaded ?? (await withCel(import('./mutating.ts')));
      loaded = module;
      await module.mutateByPolicies(hooks.items, attributes, server);
    },
    close: () => hooks[Symbol.dispose](),
  };
}

export function validatingPolicies(store: Store): AdmissionPlugin {
  let loaded: Validating | undefined;
  const hooks = policyHooks(store, ValidatingAdmissionPolicies, ValidatingAdmissionPolicyBindings, (policy) =>
    once(() => loaded!.compileValidating(policy)),
  );
  return {
    name: 'ValidatingAdmissionPolicy',
    async validate(attributes, server) {
      if (hooks.items.length === 0 || isExcluded(attributes)) return;
      const module = loaded ?? (await withCel(import('./validating.ts')));
      loaded = module;
      await module.validateByPolicies(hooks.items, attributes, server);
    },
    close: () => hooks[Symbol.dispose](),
  };
}

async function withCel<T>(module: Promise<T>): Promise<T> {
  await (await import('#api/cel/cel.ts')).loadCel();
  return module;
}

/** A policy is compiled at the first request that it is about. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
