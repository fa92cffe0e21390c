// The credential provider plugins that the configuration names, read when the node starts.
import { messageOf } from '#base/errors.ts';
import type { CredentialProviders } from '#node/images/credential-providers.ts';
import type { AssemblyContext } from '../parts.ts';

/** Undefined: none are configured. */
export async function loadCredentialProviders({
  configuration,
  clock,
  files,
}: AssemblyContext): Promise<CredentialProviders | undefined> {
  const { credentialProviderConfig: file, credentialProviderDirectory: directory } = configuration.node;
  if (file === '') return undefined;
  const [{ parseYaml }, { credentialProviders }, { CredentialProviders: Providers }, { runFilter }] = await Promise.all(
    [
      import('#wire/yaml.ts'),
      import('#node/images/provider-configuration.ts'),
      import('#node/images/credential-providers.ts'),
      import('#host/run-filter.ts'),
    ],
  );
  try {
    const text = await files.readText(file);
    if (text === undefined) throw new Error('the file is not there');
    const providers = credentialProviders((await parseYaml(text)).value);
    return new Providers({ providers, directory, clock, run: runFilter });
  } catch (error) {
    throw new Error(
      `The credential providers of ${file} (node.credentialProviderConfig) cannot be used: ${messageOf(error)}. Images of their registries could not be pulled, so the node does not start. Correct the file, or remove the key.`,
      { cause: error },
    );
  }
}
