// `microshift add-node NAME`: writes the kubeconfig with which another machine joins as a node. Nothing in the cluster changes.
import path from 'node:path';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import { systemRandom } from '#base/random.ts';
import { isDnsName } from '#assembly/config/names.ts';
import { systemFiles } from '#host/files.ts';
import { nodeKubeconfig } from '#pki/node-kubeconfig.ts';
import { UsageError, type SourceFlags } from './command.ts';
import { loadHere } from './configuration.ts';

export interface AddNodeFlags extends SourceFlags {
  readonly server?: string;
  readonly output?: string;
}

export async function addNode(nodeName: string, flags: AddNodeFlags): Promise<void> {
  const { server, output, ...sources } = flags;
  const loaded = await loadHere({ ...sources, roles: 'controlplane' });
  if ('mistake' in loaded) throw loaded.mistake;
  const { cluster, dataDirectory, nodeIp, nodeName: ownName } = loaded.configuration;
  if (!isDnsName(nodeName))
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
  const file = path.resolve(output ?? `${nodeName}.kubeconfig`);
  if (await systemFiles.exists(file))
    throw new OperatorError(`The file ${file} is there already.`, 'Remove it, or name another one with --output.');
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
