// The operator's files about who may come in and who decides about rights. At start they must be right: a server that lets in others
// than was meant is worse than none. Later a file that is wrong is told in the status, and what was read before stays.
import { OperatorError } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import { anonymousEverywhere, type AccessInUse } from '#apiserver/access/access-in-use.ts';
import type { AccessEnvironment } from '#apiserver/access/load.ts';
import { followFile, type FollowedFile } from './followed-file.ts';
import type { AssemblyContext } from './parts.ts';

const accessKeys = {
  authentication: 'apiServer.authenticationConfig',
  authorization: 'apiServer.authorizationConfig',
  tokenWebhook: 'apiServer.tokenWebhookConfig',
} as const;

export interface FollowedAccess {
  readonly current: () => AccessInUse;
  readonly problems: () => readonly string[];
}

export async function followAccess(
  context: Pick<AssemblyContext, 'live' | 'files' | 'clock' | 'logger'>,
  scope: Scope,
  environment: AccessEnvironment,
): Promise<FollowedAccess> {
  const readFile = async (path: string): Promise<string> => {
    const text = await context.files.readText(path);
    if (text === undefined) throw new Error(`${path} does not exist`);
    return text;
  };
  const authentication = await followFile(
    context,
    scope,
    (one) => one.apiServer.access.authentication,
    async (text) => (await import('#apiserver/access/load.ts')).loadAuthentication(environment, text),
  );
  const authorization = await followFile(
    context,
    scope,
    (one) => one.apiServer.access.authorization,
    async (text) => (await import('#apiserver/access/load.ts')).loadAuthorization(environment, text, readFile),
  );
  const tokenWebhook = await followFile(
    context,
    scope,
    (one) => one.apiServer.access.tokenWebhook,
    async (text) => (await import('#apiserver/access/load.ts')).loadTokenWebhook(environment, text, readFile),
  );
  const all: readonly (readonly [string, FollowedFile<unknown>])[] = [
    [accessKeys.authentication, authentication],
    [accessKeys.authorization, authorization],
    [accessKeys.tokenWebhook, tokenWebhook],
  ];
  for (const [key, file] of all)
    for (const problem of file.problems())
      throw new OperatorError(
        `${key}: ${problem}. The API server does not start, for it would let in others than you mean`,
        `Correct the file, or take ${key} out of the configuration.`,
      );

  let parts: readonly unknown[] = [];
  let access: AccessInUse = { tokenSources: [], anonymous: anonymousEverywhere, authorizers: undefined };
  return {
    current() {
      const [who, rights, webhook] = [authentication.current(), authorization.current(), tokenWebhook.current()];
      if (parts[0] === who && parts[1] === rights && parts[2] === webhook) return access;
      parts = [who, rights, webhook];
      access = {
        tokenSources: [...(who?.tokenSources ?? []), ...(webhook === undefined ? [] : [webhook])],
        anonymous: who?.anonymous ?? anonymousEverywhere,
        authorizers: rights,
      };
      return access;
    },
    problems: () => all.flatMap(([key, file]) => file.problems().map((one) => `${key}: ${one}`)),
  };
}
