// The kubeconfig with which a node on another machine joins: a client certificate for that node alone, and whom to trust.
import path from 'node:path';
import type { Clock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Random } from '#base/random.ts';
import type { Files } from '#host/files.ts';
import { certificateSerial, issueCertificate, type KeyPair } from './certificate.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { bundles, nodeSubject, signerPath } from './plan.ts';
import { notAfterMs, notBeforeMs } from './renewal.ts';

export interface NodeKubeconfigOptions {
  readonly dataDirectory: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly nodeName: string;
  /** `https://HOST:PORT`, as the other machine reaches it. */
  readonly server: string;
}

export async function nodeKubeconfig(options: NodeKubeconfigOptions): Promise<string> {
  const { dataDirectory, files, clock, random, nodeName, server } = options;
  const read = async (relative: string): Promise<string> => {
    const file = path.join(dataDirectory, relative);
    const problem = (why: string, cause?: unknown) =>
      new OperatorError(
        `The control plane's file ${file} ${why}.`,
        'Run this where the control plane runs, as the user that runs it, and after its first start; name its data directory with --data-dir.',
        { cause },
      );
    let text: string | undefined;
    try {
      text = await files.readText(file);
    } catch (error) {
      throw problem(`cannot be read: ${messageOf(error)}`, error);
    }
    if (text === undefined) throw problem('does not exist');
    return text;
  };
  const issuer: KeyPair = {
    certificatePem: await read(`${signerPath('kubelet-signer')}.crt`),
    keyPem: await read(`${signerPath('kubelet-signer')}.key`),
  };
  const client = issueCertificate({
    subject: nodeSubject(nodeName),
    use: 'client',
    notBeforeMs,
    notAfterMs: notAfterMs(clock.now(), 'short'),
    serial: certificateSerial(random),
    issuer,
  });
  return renderKubeconfig(server, await read(bundles.serving.path), client, `system:node:${nodeName}`);
}
