// Kubeconfig files with embedded credentials. Written as JSON-compatible YAML by hand: loading the YAML library would
// cost start time, and the shape is fixed. Reading and merging other people's files is cli/kubeconfig.ts.
import type { KeyPair } from './certificate.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Token {
  readonly token: string;
}

/** Without authorities, those of the client's system are trusted. Context and cluster are both named `microshift`, as the original's. */
export const renderKubeconfig = (
  server: string,
  authoritiesPem: string,
  client: KeyPair | Token,
  user = 'user',
): string =>
  `apiVersion: v1
clusters:
- cluster:
${authoritiesPem === '' ? '' : `    certificate-authority-data: ${base64(authoritiesPem)}\n`}    server: ${JSON.stringify(server)}
  name: microshift
contexts:
- context:
    cluster: microshift
    namespace: default
    user: ${user}
  name: microshift
current-context: microshift
kind: Config
preferences: {}
users:
- name: ${user}
  user:
${credentialLines(client)}
`;

const credentialLines = (client: KeyPair | Token): string =>
  'token' in client
    ? `    token: ${JSON.stringify(client.token)}`
    : `    client-certificate-data: ${base64(client.certificatePem)}
    client-key-data: ${base64(client.keyPem)}`;
