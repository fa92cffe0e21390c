// Certificates: made or renewed at start, kept renewed, issued again when the machine's names or addresses change.
import type { Scope } from '#base/scope.ts';
import { messageOf } from '#base/errors.ts';
import { hostIdentity } from '#host/identity.ts';
import { interfaceAddresses } from '#host/linux/addresses.ts';
import { Pki } from '#pki/pki.ts';
import { certificateNames } from '../certificate-names.ts';
import { NamedCertificates } from '../named-certificates.ts';
import type { AssemblyContext } from '../parts.ts';

export async function startCertificates(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, live, clock, logger, files, parts } = context;
  const address = parts.take('nodeAddress');
  const named = new NamedCertificates({ configuration, files, clock, logger });
  scope.onClose(() => named[Symbol.dispose]());
  const wanted = () =>
    certificateNames(
      live.current,
      { hostname: hostIdentity().hostname, nodeIp: address.current, addresses: interfaceAddresses() },
      named.usable,
    );
  await named.use(live.current.apiServer.namedCertificates);
  const pki = await Pki.open({
    dataDirectory: configuration.dataDirectory,
    files: context.files,
    clock,
    random: context.random,
    logger,
    names: wanted(),
  });
  parts.provide('pki', pki);
  parts.provide('namedCertificates', named);
  pki.keepRenewed(scope);
  const look = (): void => {
    const names = wanted();
    if (JSON.stringify(names) === JSON.stringify(pki.names)) return;
    logger.info('what certificates must name changed', {
      names: [...names.external, ...names.node].join(','),
    });
    // What fails is tried again by keepRenewed.
    pki.changeNames(names).catch((error: unknown) => {
      logger.error('certificates for the new names could not be issued', { error: messageOf(error) });
    });
  };
  // Behind the node's address, which listens first.
  const listening = parts.take('machineChanges').onChange(look);
  const given = live.onChange(
    (one) => one.apiServer.namedCertificates,
    (certificates) => void named.use(certificates),
  );
  const used = named.onChange(look);
  const additional = live.onChange((one) => one.apiServer.subjectAltNames, look);
  scope.onClose(() => {
    for (const one of [listening, given, additional, used]) one[Symbol.dispose]();
  });
  return () => [...pki.problems(), ...named.problems()];
}
