// Policies of the store with their bindings, compiled: what the plugins ask about a request. A policy without a binding does
// nothing and is not compiled.
import type { MatchResources, ParamKind, ParamRef } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { Store } from '#storage/store.ts';
import { configurationSource } from '../dynamic/configuration-source.ts';
import { compileMatcher, type RequestMatcher } from '../dynamic/request-matcher.ts';

interface PolicyObject extends KubernetesObject {
  readonly spec: { readonly matchConstraints?: MatchResources | undefined; readonly paramKind?: ParamKind | undefined };
}
interface BindingObject extends KubernetesObject {
  readonly spec: {
    readonly policyName?: string | undefined;
    readonly paramRef?: ParamRef | undefined;
    readonly matchResources?: MatchResources | undefined;
  };
}

export interface BindingHook<B> {
  readonly binding: B;
  /** Undefined: all that the policy is about. */
  readonly matcher: RequestMatcher | undefined;
}
export interface PolicyHook<P, B, C> {
  readonly policy: P;
  readonly matcher: RequestMatcher;
  readonly bindings: readonly BindingHook<B>[];
  readonly compiled: C;
}
export interface PolicyHooks<P, B, C> extends Disposable {
  /** In the order of the policies' names; the same list until something changes. */
  readonly items: readonly PolicyHook<P, B, C>[];
}

const matcherOf = (match: MatchResources): RequestMatcher =>
  compileMatcher({
    rules: match.resourceRules ?? [],
    excludeRules: match.excludeResourceRules,
    matchesWithoutRules: true,
    matchPolicy: match.matchPolicy,
    namespaceSelector: match.namespaceSelector,
    objectSelector: match.objectSelector,
  });

export function policyHooks<P extends PolicyObject, B extends BindingObject, C>(
  store: Store,
  policyKind: KindReference<P>,
  bindingKind: KindReference<B>,
  compile: (policy: P) => C,
): PolicyHooks<P, B, C> {
  const policies = configurationSource<P, P>(store, policyKind, (policy) => [policy]);
  const bindings = configurationSource<B, BindingHook<B>>(store, bindingKind, (binding) => [
    {
      binding,
      matcher: binding.spec.matchResources === undefined ? undefined : matcherOf(binding.spec.matchResources),
    },
  ]);
  const compiled = new WeakMap<P, { readonly matcher: RequestMatcher; readonly compiled: C }>();
  const none: readonly PolicyHook<P, B, C>[] = [];
  let from: readonly [unknown, unknown] | undefined;
  let items = none;

  const join = (): readonly PolicyHook<P, B, C>[] => {
    const byPolicy = Map.groupBy(bindings.items, ({ binding }) => binding.spec.policyName ?? '');
    return policies.items.flatMap((policy) => {
      const its = byPolicy.get(policy.metadata.name ?? '');
      if (its === undefined) return [];
      let known = compiled.get(policy);
      if (known === undefined)
        compiled.set(
          policy,
          (known = { matcher: matcherOf(policy.spec.matchConstraints ?? {}), compiled: compile(policy) }),
        );
      return [{ policy, bindings: its, ...known }];
    });
  };
  return {
    get items() {
      const now = [policies.items, bindings.items] as const;
      if (now[0].length === 0 || now[1].length === 0) return none;
      if (from === undefined || from[0] !== now[0] || from[1] !== now[1]) {
        from = now;
        items = join();
      }
      return items;
    },
    [Symbol.dispose]() {
      policies[Symbol.dispose]();
      bindings[Symbol.dispose]();
    },
  };
}
