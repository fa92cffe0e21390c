// `microshift add-node [NAME]`: writes the kubeconfig with which another machine joins as a node. With a name it has that node's client
// certificate, and nothing in the cluster changes; without one a bootstrap token, with which any machine may ask for its own.
import path from 'node:path';
import { systemClock } from '#base/clock.ts';
import { Secrets } from '#api/generated/kind-references.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import { systemRandom } from '#base/random.ts';
import { isDnsName } from '#assembly/config/names.ts';
import { systemFiles } from '#host/files.ts';
import { renderKubeconfig } from '#pki/kubeconfig.ts';
import { nodeKubeconfig } from '#pki/node-kubeconfig.ts';
import { UsageError, type SourceFlags } from './command.ts';
import { loadHere } from './configuration.ts';

export interface AddNodeFlags extends SourceFlags {
  readonly server?: string;
  readonly output?: string;
  readonly hours?: string;
}

export async function addNode(nodeName: string | undefined, flags: AddNodeFlags): Promise<void> {
  const { server, output, hours, ...sources } = flags;
  const loaded = await loadHere({ ...sources, roles: 'controlplane' });
  if ('mistake' in loaded) throw loaded.mistake;
  const { cluster, dataDirectory, nodeIp, nodeName: ownName } = loaded.configuration;
  if (nodeName !== undefined && hours !== undefined)
    throw new UsageError(
      '--hours is how long a token holds; a certificate is for a node with a name.',
      'Leave out one of them.',
    );
  if (nodeName !== undefined && !isDnsName(nodeName))
    throw new UsageError(
      `${JSON.stringify(nodeName)} is no name for a node: it must be a DNS name in lower case.`,
      'Use the host name of the other machine, such as edge-2.',
    );
  if (nodeName === ownName)
    throw new UsageError(
      `${nodeName} is the name of this machine's own node.`,
      'Each node needs a name of its own: that of the other machine.',
    );
  const isLocal = cluster.host === 'localhost' || cluster.host.startsWith('127.');
  const url = server ?? (isLocal ? `https://${nodeIp}:${cluster.port}` : cluster.url);
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new UsageError(`--server must be https://HOST:PORT, and is ${JSON.stringify(url)}.`, 'Correct it.');
  if (url.includes('//127.'))
    throw new OperatorError(
      'This machine has no address that another machine could reach.',
      'Name one with --server https://HOST:PORT, and add HOST to apiServer.subjectAltNames when it is not an address of this machine.',
    );
  const file = path.resolve(output ?? `${nodeName ?? 'join'}.kubeconfig`);
  if (await systemFiles.exists(file))
    throw new OperatorError(`The file ${file} is there already.`, 'Remove it, or name another one with --output.');
  if (nodeName === undefined) return await addAnyNode(dataDirectory, url, file, hours ?? '24');
  const text = await nodeKubeconfig({
    dataDirectory,
    files: systemFiles,
    clock: systemClock,
    random: systemRandom,
    nodeName,
    server: url,
  });
  await systemFiles.writeAtomic(file, text, 0o600);
  console.log(`${file}: lets a machine join ${url} as the node ${nodeName}. Whoever has it can be that node: keep it secret.
On the other machine, with MicroShift installed and the same version:
  nodeName: ${nodeName}               # in /etc/microshift/config.yaml, where its host name is another
  sudo microshift run --roles node --kubeconfig /etc/microshift/node.kubeconfig`);
}

const characters = '0123456789abcdefghijklmnopqrstuvwxyz';
/** Each of 36 as likely as the others: bytes that would make the first ones likelier are not taken. */
function randomText(length: number): string {
  let text = '';
  while (text.length < length)
    for (const byte of systemRandom.bytes(length - text.length)) if (byte < 252) text += characters[byte % 36];
  return text;
}

async function addAnyNode(dataDirectory: string, url: string, file: string, hoursText: string): Promise<void> {
  const hours = Number(hoursText);
  if (!(hours > 0 && hours <= 8_760))
    throw new UsageError(`--hours ${hoursText} is not a number of hours up to a year.`, 'For example --hours 24.');
  const [{ createHttpsClient }, { parseKubeconfig }, { adminKubeconfigPath }] = await Promise.all([
    import('#client/https.ts'),
    import('#client/kubeconfig.ts'),
    import('#assembly/status.ts'),
  ]);
  const admin = await systemFiles.readText(adminKubeconfigPath(dataDirectory));
  if (admin === undefined)
    throw new OperatorError(
      `There is no ${adminKubeconfigPath(dataDirectory)}: the token has to be made in the running cluster.`,
      'Run this where the control plane runs, as the user that runs it; name its data directory with --data-dir.',
    );
  const connection = await parseKubeconfig(admin, { readFile: () => '' });
  const client = createHttpsClient({ ...connection, clock: systemClock });
  const [id, secret] = [randomText(6), randomText(16)];
  const expiration = new Date(systemClock.now() + hours * 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');
  try {
    await client.resource(Secrets).create({
      metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        description: 'microshift add-node: lets machines join as nodes',
        'token-id': id,
        'token-secret': secret,
        expiration,
        'usage-bootstrap-authentication': 'true',
      },
    });
  } catch (error) {
    throw new OperatorError(
      `The token could not be made: ${messageOf(error)}.`,
      'Is MicroShift running? See microshift status.',
      { cause: error },
    );
  } finally {
    await client.close();
  }
  const text = renderKubeconfig(url, connection.certificateAuthority ?? '', { token: `${id}.${secret}` }, 'bootstrap');
  await systemFiles.writeAtomic(file, text, 0o600);
  console.log(`${file}: lets machines join ${url} as nodes until ${expiration}, each under its host name. Whoever has it can be a node: keep it secret.
To end it sooner: kubectl -n kube-system delete secret bootstrap-token-${id}
On each machine, with MicroShift installed and the same version:
  sudo microshift run --roles node --kubeconfig /etc/microshift/node.kubeconfig`);
}
