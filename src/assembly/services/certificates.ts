// Certificates: made or renewed at start, kept renewed, issued again when the machine's names or addresses change.
import type { Scope } from '#base/scope.ts';
import { messageOf } from '#base/errors.ts';
import { hostIdentity } from '#host/identity.ts';
import { interfaceAddresses } from '#host/linux/addresses.ts';
import { Pki } from '#pki/pki.ts';
import { certificateNames } from '../certificate-names.ts';
import type { AssemblyContext } from '../parts.ts';

export async function startCertificates(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, parts } = context;
  const address = parts.take('nodeAddress');
  const wanted = () =>
    certificateNames(configuration, {
      hostname: hostIdentity().hostname,
      nodeIp: address.current,
      addresses: interfaceAddresses(),
    });
  const pki = await Pki.open({
    dataDirectory: configuration.dataDirectory,
    files: context.files,
    clock,
    random: context.random,
    logger,
    names: wanted(),
  });
  parts.provide('pki', pki);
  pki.keepRenewed(scope);
  const look = (): void => {
    const names = wanted();
    if (JSON.stringify(names) === JSON.stringify(pki.names)) return;
    logger.info('names or addresses of this machine changed', { names: names.node.join(',') });
    // What fails is tried again by keepRenewed.
    pki.changeNames(names).catch((error: unknown) => {
      logger.error('certificates for the new names could not be issued', { error: messageOf(error) });
    });
  };
  // Behind the node's address, which listens first.
  const listening = parts.take('machineChanges').onChange(look);
  scope.onClose(() => listening[Symbol.dispose]());
  return () => pki.problems();
}
