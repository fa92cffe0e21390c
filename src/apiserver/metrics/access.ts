// Who came in and what was decided about rights, under upstream's names.
import type { TokenUse } from '../access/questions.ts';
import type { Identity } from '#api/request.ts';
import { exponentialBounds } from '#base/metrics/families.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';

export interface AccessMetrics {
  /** Of requests from the network: callers in the process bring their identity. */
  onAuthenticated(result: 'success' | 'failure' | 'error', user: Identity | undefined, seconds: number): void;
  onDecision(decision: 'allow' | 'deny' | 'no-opinion', isError: boolean, seconds: number): void;
  /** A token of a service account was used. */
  onToken(use: TokenUse): void;
  /** For decisions of one authorizer: bound once. */
  decisionsOf(type: string, name: string): (decision: 'allow' | 'deny') => void;
}

const tokenMetrics: Readonly<Record<TokenUse, readonly [name: string, help: string]>> = {
  valid: ['serviceaccount_valid_tokens_total', 'Tokens of Pods, used in time.'],
  stale: ['serviceaccount_stale_tokens_total', 'Tokens of Pods, used later than they say.'],
  legacy: ['serviceaccount_legacy_tokens_total', 'Tokens of Secrets.'],
  legacy_auto: ['serviceaccount_legacy_auto_token_uses_total', 'Tokens of Secrets that are listed in their account.'],
  legacy_manual: ['serviceaccount_legacy_manual_token_uses_total', 'Tokens of Secrets that somebody made.'],
  invalid_legacy_auto: ['serviceaccount_invalid_legacy_auto_token_uses_total', 'Tokens of Secrets that hold no more.'],
};

const boundsSeconds = exponentialBounds(0.001, 2, 15);
const knownUsers = new Set(['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default']);

/** Names are not labels: there may be any number of them. */
const userLabel = (name: string): string => (knownUsers.has(name) ? name : name.includes('@') ? 'email_id' : 'other');

const decisionLabels = { allow: 'allowed', deny: 'denied', 'no-opinion': 'no-opinion' } as const;

export function accessMetrics(registry: MetricRegistry): AccessMetrics {
  const attempts = registry.counter('authentication_attempts', 'Attempts to say who one is.', ['result']);
  const times = registry.histogram('authentication_duration_seconds', 'How long that took.', boundsSeconds, ['result']);
  const users = registry.counter('authenticated_user_requests', 'Requests by user.', ['username']);
  const decisions = registry.counter('authorization_attempts_total', 'Questions about rights.', ['result']);
  const decisionTimes = registry.histogram('authorization_duration_seconds', 'How long they took.', boundsSeconds, [
    'result',
  ]);
  const byAuthorizer = registry.counter(
    'apiserver_authorization_decisions_total',
    'Decisions about rights by who made them.',
    ['decision', 'name', 'type'],
  );
  const tokens = Object.fromEntries(
    Object.entries(tokenMetrics).map(([use, [name, help]]) => [use, registry.counter(name, help).with({})]),
  );
  const bound = <K extends string, S>(make: (key: K) => S): ((key: K) => S) => {
    const made = new Map<K, S>();
    return (key) => {
      let one = made.get(key);
      if (one === undefined) made.set(key, (one = make(key)));
      return one;
    };
  };
  const attempt = bound((result: 'success' | 'failure' | 'error') => ({
    count: attempts.with({ result }),
    seconds: times.with({ result }),
  }));
  const user = bound((username: string) => users.with({ username }));
  const answer = bound((result: 'allowed' | 'denied' | 'no-opinion' | 'error') => ({
    count: decisions.with({ result }),
    seconds: decisionTimes.with({ result }),
  }));
  return {
    onAuthenticated(result, identity, seconds) {
      const { count, seconds: time } = attempt(result);
      count.value++;
      time.observe(seconds);
      if (identity !== undefined) user(userLabel(identity.name)).value++;
    },
    onDecision(decision, isError, seconds) {
      const { count, seconds: time } = answer(isError ? 'error' : decisionLabels[decision]);
      count.value++;
      time.observe(seconds);
    },
    onToken: (use) => tokens[use]!.add(),
    decisionsOf(type, name) {
      const count = bound((decision: 'allow' | 'deny') =>
        byAuthorizer.with({ name, type, decision: decisionLabels[decision] }),
      );
      return (decision) => count(decision).add();
    },
  };
}
