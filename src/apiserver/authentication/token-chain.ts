// Those that know bearer tokens, one after the other: the first that knows one decides.
import { tokenLengthMax } from '#base/limits.ts';
import type { TokenAnswer, TokenAuthenticator, TokenRefusal, TokenSource } from '../access/questions.ts';

const invalidToken = 'invalid bearer token';

export const tokenChain = (sources: readonly TokenSource[]): TokenAuthenticator => ({
  authenticate(token, audiences) {
    if (token.length > tokenLengthMax) return { error: invalidToken };
    const errors: TokenRefusal[] = [];
    for (let index = 0; index < sources.length; index++) {
      const answer = sources[index]!.authenticate(token, audiences);
      if (answer === undefined) continue;
      if (answer instanceof Promise) return askOutside(sources, index, answer, token, audiences, errors);
      if ('user' in answer) return answer;
      errors.push(answer);
    }
    return refusal(errors);
  },
});

const refusal = (errors: readonly TokenRefusal[]): TokenAnswer => {
  const all = new Set([invalidToken, ...errors.map((one) => one.error)]);
  const notes = errors.find((one) => one.notes !== undefined)?.notes;
  return { error: all.size === 1 ? invalidToken : `[${[...all].join(', ')}]`, notes };
};

/** From the first source on that has to wait. */
async function askOutside(
  sources: readonly TokenSource[],
  from: number,
  pending: Promise<TokenAnswer | undefined>,
  token: string,
  audiences: readonly string[],
  errors: TokenRefusal[],
): Promise<TokenAnswer> {
  for (let index = from; index < sources.length; index++) {
    const answer = await (index === from ? pending : sources[index]!.authenticate(token, audiences));
    if (answer === undefined) continue;
    if ('user' in answer) return answer;
    errors.push(answer);
  }
  return refusal(errors);
}
