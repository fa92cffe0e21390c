// The named certificates of the configuration: read at start and whenever a file or the configuration changes. What cannot be
// used is a warning and a problem in `status`; everything else goes on.
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import { watchPaths, type WatchedPaths } from '#host/watched-paths.ts';
import { isIPv4, isIPv6 } from '#pki/address.ts';
import {
  judgeNamedCertificate,
  type GivenCertificate,
  type GivenFiles,
  type NamedCertificate,
} from '#pki/named-certificates.ts';
import { contains, parseAddress, parseRange } from '#rules/addresses.ts';
import { inClusterNames } from './certificate-names.ts';
import type { Configuration } from './config/configuration.ts';
import { parseIpv4, parseIpv4Range, rangeContains } from './config/ranges.ts';

/** Names by which the cluster is known to itself keep its own certificate, as upstream. */
export function mayBeNamed({ cluster }: Configuration, name: string): boolean {
  if (isIPv4(name))
    return ![cluster.podRanges[0]!, cluster.serviceRanges[0]!, '127.0.0.0/8', '169.254.169.0/29'].some((range) =>
      rangeContains(parseIpv4Range(range)!, parseIpv4(name)!),
    );
  if (isIPv6(name)) {
    const own = [...cluster.podRanges, ...cluster.serviceRanges].filter((range) => range.includes(':'));
    const isOwn = own.some((range) => contains(parseRange(range), parseAddress(name)!));
    return name !== '::1' && !/^fe[89ab]/i.test(name) && !isOwn;
  }
  return (
    name !== 'localhost' &&
    !name.endsWith(`.svc.${cluster.domain}`) &&
    !inClusterNames(cluster.domain).some((one) => name === one || name.endsWith(`.${one}`))
  );
}

export interface NamedCertificatesOptions {
  readonly configuration: Configuration;
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Expiry is looked at this often, too. */
const lookMs = 3_600_000;

export class NamedCertificates implements Disposable {
  readonly #options: NamedCertificatesOptions;
  readonly #watched: WatchedPaths;
  readonly #listeners = new Set<() => void>();
  #given: readonly GivenCertificate[] = [];
  #usable: readonly NamedCertificate[] = [];
  #problems: readonly string[] = [];
  #looking: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;

  constructor(options: NamedCertificatesOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#watched = watchPaths(
      [],
      clock,
      () => void this.look(),
      (error) => logger.warn('changes of named certificates are not noticed', { error: messageOf(error) }),
    );
    const again = () => {
      if (this.#given.length > 0) void this.look();
      this.#timer = clock.schedule(lookMs, again);
    };
    this.#timer = clock.schedule(lookMs, again);
  }
  get usable(): readonly NamedCertificate[] {
    return this.#usable;
  }
  problems(): readonly string[] {
    return this.#problems;
  }
  /** What is usable is another now. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  use(given: readonly GivenCertificate[]): Promise<void> {
    this.#given = given;
    this.#watched.watch(given.flatMap((one) => [one.certificatePath, one.keyPath]));
    return this.look();
  }
  look(): Promise<void> {
    return (this.#looking = this.#looking.then(() => this.#look()));
  }
  async #look(): Promise<void> {
    const { configuration, clock, logger } = this.#options;
    const judged = await Promise.all(
      this.#given.map(async (one) =>
        judgeNamedCertificate(one, await this.#read(one), clock.now(), (name) => mayBeNamed(configuration, name)),
      ),
    );
    const problems = judged.flatMap((one) => ('problem' in one ? [one.problem] : (one.warning ?? [])));
    for (const problem of problems) if (!this.#problems.includes(problem)) logger.warn(problem);
    this.#problems = problems;
    const usable = judged.flatMap((one) => ('usable' in one ? [one.usable] : []));
    if (JSON.stringify(usable) === JSON.stringify(this.#usable)) return;
    this.#usable = usable;
    logger.info('named certificates are in use', { names: usable.flatMap((one) => one.names).join(',') });
    for (const listener of this.#listeners) listener();
  }
  async #read({ certificatePath, keyPath }: GivenCertificate): Promise<GivenFiles> {
    const { files } = this.#options;
    const read = async (file: string): Promise<string> => {
      const text = await files.readText(file);
      if (text === undefined) throw new Error(`there is no file ${file}`);
      return text;
    };
    try {
      return { certificatePem: await read(certificatePath), keyPem: await read(keyPath) };
    } catch (error) {
      return { unreadable: messageOf(error) };
    }
  }
  [Symbol.dispose](): void {
    this.#watched[Symbol.dispose]();
    this.#timer?.cancel();
  }
}
