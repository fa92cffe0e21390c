// Those that know bearer tokens, one after the other: the first that knows one decides.
import { tokenLengthMax } from '#base/limits.ts';
import type { TokenAnswer, TokenAuthenticator, TokenSource } from '../access/questions.ts';

const invalidToken = 'invalid bearer token';

export const tokenChain = (sources: readonly TokenSource[]): TokenAuthenticator => ({
  async authenticate(token, audiences): Promise<TokenAnswer> {
    const errors = new Set([invalidToken]);
    if (token.length > tokenLengthMax) return { error: invalidToken };
    for (const source of sources) {
      const asked = source.authenticate(token, audiences);
      const answer = asked instanceof Promise ? await asked : asked;
      if (answer === undefined) continue;
      if ('user' in answer) return answer;
      errors.add(answer.error);
    }
    return { error: errors.size === 1 ? invalidToken : `[${[...errors].join(', ')}]` };
  },
});
