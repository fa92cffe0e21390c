// From the operator's files about access to those that can be asked. Loaded when the first such file is configured.
import type { ApiServerOptions } from '../options.ts';
import type { TokenSource } from './questions.ts';
import { parseYaml } from '#wire/yaml.ts';
import type { AnonymousAccess, AuthorizerInUse } from './access-in-use.ts';
import { readAuthentication } from './authentication-configuration.ts';
import { readAuthorization } from './authorization-configuration.ts';
import { webhookAuthorizer } from './authorization-webhook.ts';
import { issuerTokens } from './issuer-tokens.ts';
import { readWebhookKubeconfig, type ReadFile, type WebhookEndpoint } from './kubeconfig.ts';
import { tokenWebhook } from './token-webhook.ts';

export type AccessEnvironment = Pick<
  ApiServerOptions,
  'outgoing' | 'clock' | 'random' | 'logger' | 'serviceAccountTokens'
>;

const valueOf = async (text: string): Promise<unknown> =>
  (await parseYaml(Buffer.from(text), { duplicates: false })).value;
const endpointOf = async (text: string, readFile: ReadFile): Promise<WebhookEndpoint> =>
  readWebhookKubeconfig(await valueOf(text), readFile);

/** Throws ConfigurationProblems, and what reading files throws. */
export async function loadAuthentication(
  environment: AccessEnvironment,
  text: string,
): Promise<{ readonly tokenSources: readonly TokenSource[]; readonly anonymous: AnonymousAccess }> {
  const { jwt, anonymous } = await readAuthentication(await valueOf(text), environment.serviceAccountTokens.issuer);
  return { tokenSources: jwt.map((one) => issuerTokens(environment, one)), anonymous };
}

export async function loadAuthorization(
  environment: AccessEnvironment,
  text: string,
  readFile: ReadFile,
): Promise<readonly AuthorizerInUse[]> {
  const { authorizers } = await readAuthorization(await valueOf(text), async (file) =>
    endpointOf(await readFile(file), readFile),
  );
  return authorizers.map((one) =>
    one.type === 'Webhook'
      ? { type: one.type, authorizer: webhookAuthorizer(environment, one.webhook) }
      : { type: one.type },
  );
}

export const loadTokenWebhook = async (
  environment: AccessEnvironment,
  text: string,
  readFile: ReadFile,
): Promise<TokenSource> => tokenWebhook(environment, await endpointOf(text, readFile));
