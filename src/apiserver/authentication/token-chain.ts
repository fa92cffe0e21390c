// Those that know bearer tokens, one after the other: the first that knows one decides.
import { tokenLengthMax } from '#base/limits.ts';
import type { TokenAnswer, TokenAuthenticator, TokenSource } from '../access/questions.ts';

const invalidToken = 'invalid bearer token';

export const tokenChain = (sources: readonly TokenSource[]): TokenAuthenticator => ({
  authenticate(token, audiences) {
    if (token.length > tokenLengthMax) return { error: invalidToken };
    const errors: string[] = [];
    for (let index = 0; index < sources.length; index++) {
      const answer = sources[index]!.authenticate(token, audiences);
      if (answer === undefined) continue;
      if (answer instanceof Promise) return askOutside(sources, index, answer, token, audiences, errors);
      if ('user' in answer) return answer;
      errors.push(answer.error);
    }
    return refusal(errors);
  },
});

const refusal = (errors: readonly string[]): TokenAnswer => {
  const all = new Set([invalidToken, ...errors]);
  return { error: all.size === 1 ? invalidToken : `[${[...all].join(', ')}]` };
};

/** From the first source on that has to wait. */
async function askOutside(
  sources: readonly TokenSource[],
  from: number,
  pending: Promise<TokenAnswer | undefined>,
  token: string,
  audiences: readonly string[],
  errors: string[],
): Promise<TokenAnswer> {
  for (let index = from; index < sources.length; index++) {
    const answer = await (index === from ? pending : sources[index]!.authenticate(token, audiences));
    if (answer === undefined) continue;
    if ('user' in answer) return answer;
    errors.push(answer.error);
  }
  return refusal(errors);
}
