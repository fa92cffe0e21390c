// Certificates: made or renewed at start, kept renewed, issued again when the machine's addresses change.
import type { Scope } from '#base/scope.ts';
import { messageOf } from '#base/errors.ts';
import { interfaceAddresses } from '#host/linux/addresses.ts';
import { Pki } from '#pki/pki.ts';
import { certificateNames } from '../certificate-names.ts';
import type { AssemblyContext } from '../parts.ts';

/** The kernel tells address changes by netlink only, which Node does not have; looking costs 0.1 ms. */
const addressCheckMs = 10_000;

export async function startCertificates(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, identity } = context;
  const wanted = () => certificateNames(configuration, identity.hostname, interfaceAddresses());
  const pki = await Pki.open({
    dataDirectory: configuration.dataDirectory,
    files: context.files,
    clock,
    random: context.random,
    logger,
    names: wanted(),
  });
  context.parts.provide('pki', pki);
  pki.keepRenewed(scope);
  let seen = JSON.stringify(pki.names);
  const look = (): void => {
    const names = wanted();
    const text = JSON.stringify(names);
    if (text !== seen) {
      seen = text;
      logger.info('addresses of this machine changed', { names: names.node.join(',') });
      pki.changeNames(names).catch((error: unknown) => {
        seen = '';
        logger.error('certificates for the new addresses could not be issued', { error: messageOf(error) });
      });
    }
    timer = clock.schedule(addressCheckMs, look);
  };
  let timer = clock.schedule(addressCheckMs, look);
  scope.onClose(() => timer.cancel());
  return () => pki.problems();
}
