// Somebody outside says whose a token is (authentication.k8s.io TokenReview).
import { createHash } from 'node:crypto';
import { messageOf } from '#base/errors.ts';
import { tokenQuestionsMax } from '#base/limits.ts';
import type { TokenSource } from './questions.ts';
import type { TokenAnswer } from '../context.ts';
import type { ApiServerOptions } from '../options.ts';
import { askWebhook } from './call-webhook.ts';
import { KeptAnswers } from './kept-answers.ts';
import type { WebhookEndpoint } from './kubeconfig.ts';

/** Upstream's --authentication-token-webhook-cache-ttl, and the time that one question may take. */
const keptMs = 120_000;
const timeoutMs = 30_000;

type Options = Pick<ApiServerOptions, 'outgoing' | 'clock' | 'random' | 'logger' | 'serviceAccountTokens'>;
type Answer = { readonly answer: TokenAnswer | undefined; readonly isKept: boolean };

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

function readAnswer(value: unknown, asked: readonly string[], own: readonly string[]): TokenAnswer | undefined {
  const status = (value as { status?: Record<string, unknown> } | null)?.status ?? {};
  const problem = typeof status['error'] === 'string' && status['error'] !== '' ? status['error'] : undefined;
  if (status['authenticated'] !== true) return problem === undefined ? undefined : { error: problem };
  const user = (status['user'] ?? {}) as Record<string, unknown>;
  const name = typeof user['username'] === 'string' ? user['username'] : '';
  const uid = typeof user['uid'] === 'string' ? user['uid'] : '';
  // One that does not know audiences speaks of the API server's own.
  const said = strings(status['audiences']);
  const audiences = asked.filter((one) => (said.length === 0 ? own : said).includes(one));
  if (audiences.length === 0) return undefined;
  const extra = Object.entries((user['extra'] ?? {}) as Record<string, unknown>).map(
    ([key, values]) => [key, strings(values)] as const,
  );
  return {
    user: {
      name,
      groups: strings(user['groups']),
      ...(uid === '' ? {} : { uid }),
      ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
    },
    audiences,
  };
}

export function tokenWebhook(options: Options, endpoint: WebhookEndpoint): TokenSource {
  const kept = new KeptAnswers<Answer>(options.clock);
  const ask = async (token: string, audiences: readonly string[]): Promise<Answer> => {
    const question = {
      kind: 'TokenReview',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {},
      spec: { token, audiences },
      status: { user: {} },
    };
    try {
      const value = await askWebhook(options, endpoint, question, timeoutMs);
      return { answer: readAnswer(value, audiences, options.serviceAccountTokens.audiences), isKept: true };
    } catch (error) {
      options.logger.warn('the token webhook did not answer', { error: messageOf(error) });
      return { answer: { error: messageOf(error) }, isKept: false };
    }
  };
  return {
    name: 'webhook',
    async authenticate(token, audiences) {
      // Tokens themselves are not kept.
      const key = createHash('sha256')
        .update(JSON.stringify([token, audiences]))
        .digest('base64');
      const known = kept.get(key);
      // Nobody has shown yet who they are, and a webhook that does not answer is asked for minutes.
      if (known === undefined && kept.inWork >= tokenQuestionsMax) return { error: 'too many tokens are asked about' };
      const { answer } =
        known ??
        (await kept.ask(
          key,
          () => ask(token, audiences),
          ({ isKept }) => (isKept ? keptMs : 0),
        ));
      return answer;
    },
  };
}
