// Mirrors, certificates and insecure registries for a private containerd: the files that podman and CRI-O read, brought up to
// date before each pull as the directory of hosts.toml files that containerd reads at each pull. Nothing is restarted.
import { mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { parseToml } from '#wire/toml.ts';
import {
  hostsFiles,
  mirrorRepositories,
  type RegistryCertificates,
  registryRules,
  type RegistryRule,
  ruleFor,
  schemeFound,
} from './registry-hosts.ts';

export interface RegistriesOptions {
  /** /etc/containers: registries.conf, registries.conf.d/*.conf, certs.d/HOST. */
  readonly containersDirectory: string;
  /** More directories of certificates by host: /etc/docker/certs.d. */
  readonly certificateDirectories: readonly string[];
  /** containerd's own /etc/containerd/certs.d: what it has of a host counts instead of ours. */
  readonly linkedDirectory?: string;
  /** Written here: HOST/hosts.toml, and links to what `linkedDirectory` has. containerd 2.1 and later look into one directory only, whatever
   * `config_path` names (its issue 12415). */
  readonly hostsDirectory: string;
  readonly logger: Logger;
}

const absent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
const orNothing = <T>(work: Promise<T>, nothing: T): Promise<T> =>
  work.catch((error: unknown) => {
    if (absent(error)) return nothing;
    throw error;
  });

export class Registries {
  readonly #options: RegistriesOptions;
  #rules: readonly RegistryRule[] = [];
  #problems: readonly string[] = [];
  #seen = '';
  /** Insecure hosts that were found to speak plain HTTP: nothing else is tried, so that its failures are those told. */
  readonly #plain = new Set<string>();
  /** Of each file, the last that could be read. */
  readonly #good = new Map<string, Readonly<Record<string, unknown>>>();
  #work: Promise<void> = Promise.resolve();

  constructor(options: RegistriesOptions) {
    this.#options = options;
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Reads what changed. Never throws: what cannot be read is a problem, and what was read before stays. */
  refresh(): Promise<void> {
    this.#work = this.#work
      .then(() => this.#refresh())
      .catch((error: unknown) => this.#tell([`The configuration of registries was not read: ${messageOf(error)}`]));
    return this.#work;
  }

  /** Where mirrors have the repository. */
  mirrorsOf(repository: string): readonly string[] {
    return mirrorRepositories(this.#rules, repository);
  }

  /** Why the repository may not be pulled; undefined: it may. */
  blocked(repository: string): string | undefined {
    const rule = ruleFor(this.#rules, repository);
    return rule?.blocked === true ? `registry ${rule.prefix} is blocked in ${rule.source}` : undefined;
  }

  /** True: the failure of a pull told something about a host that makes another try at once worthwhile. */
  learn(failure: string): boolean {
    const found = schemeFound(failure);
    if (found === undefined) return false;
    const { host, isPlain } = found;
    if (!isPlain) return this.#plain.delete(host);
    const isInsecure = this.#rules.some((rule) =>
      [rule, ...rule.mirrors].some(({ location, insecure }) => insecure && location.split('/')[0] === host),
    );
    // Another pull may have found it a moment ago.
    if (isInsecure) this.#plain.add(host);
    return isInsecure;
  }

  async #refresh(): Promise<void> {
    const { containersDirectory, certificateDirectories, hostsDirectory, linkedDirectory } = this.#options;
    const dropIns = path.join(containersDirectory, 'registries.conf.d');
    const names = (await orNothing(readdir(dropIns), [])).filter((name) => name.endsWith('.conf')).toSorted();
    const paths = [path.join(containersDirectory, 'registries.conf'), ...names.map((name) => path.join(dropIns, name))];
    const texts = await Promise.all(paths.map((file) => orNothing(readFile(file, 'utf8'), '')));
    const certificates = await readCertificates([path.join(containersDirectory, 'certs.d'), ...certificateDirectories]);
    const linked = linkedDirectory === undefined ? [] : (await orNothing(readdir(linkedDirectory), [])).toSorted();
    const seen = JSON.stringify([paths, texts, [...certificates], [...this.#plain], linked]);
    if (seen === this.#seen) return;
    const problems: string[] = [];
    const rules = new Map<string, RegistryRule>();
    for (const [index, file] of paths.entries()) {
      try {
        const text = texts[index]!;
        this.#good.set(file, text.trim() === '' ? {} : await parseToml(text));
      } catch (error) {
        problems.push(
          `${file} is not read, what it said before stays: ${messageOf(error).split('\n')[0]}. Correct it; the next pull reads it again.`,
        );
      }
      const read = registryRules(this.#good.get(file) ?? {}, file);
      problems.push(...read.problems);
      // A later file replaces what an earlier one says of a prefix.
      for (const rule of read.rules) rules.set(rule.prefix, rule);
    }
    this.#rules = [...rules.values()];
    const { files, problems: untold } = hostsFiles(this.#rules, certificates, this.#plain);
    const links = new Map(linked.map((host) => [host, path.join(linkedDirectory ?? '', host)]));
    await writeHosts(hostsDirectory, files, links);
    this.#seen = seen;
    this.#tell([...problems, ...untold]);
  }

  #tell(problems: readonly string[]): void {
    for (const problem of problems)
      if (!this.#problems.includes(problem)) this.#options.logger.warn('registries', { problem });
    this.#problems = problems;
  }
}

/** Directories HOST with *.crt (authorities) and pairs NAME.cert, NAME.key (client certificates), as docker keeps them. */
async function readCertificates(directories: readonly string[]): Promise<ReadonlyMap<string, RegistryCertificates>> {
  const found = new Map<string, RegistryCertificates>();
  for (const directory of directories)
    for (const host of (await orNothing(readdir(directory), [])).toSorted()) {
      if (found.has(host)) continue;
      const files = (await orNothing(readdir(path.join(directory, host)), [])).toSorted();
      const full = (name: string) => path.join(directory, host, name);
      const authorities = files.filter((name) => name.endsWith('.crt')).map(full);
      const clients = files
        .filter((name) => name.endsWith('.cert') && files.includes(name.replace(/\.cert$/, '.key')))
        .map((name) => ({ certificate: full(name), key: full(name.replace(/\.cert$/, '.key')) }));
      if (authorities.length + clients.length > 0) found.set(host, { authorities, clients });
    }
  return found;
}

async function writeHosts(
  directory: string,
  files: ReadonlyMap<string, string>,
  links: ReadonlyMap<string, string>,
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const place = path.join(directory, entry.name);
    const stays = entry.isSymbolicLink()
      ? (await readlink(place)) === links.get(entry.name)
      : files.has(entry.name) && !links.has(entry.name);
    if (!stays) await rm(place, { recursive: true, force: true });
  }
  for (const [host, target] of links)
    await symlink(target, path.join(directory, host)).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
  for (const [host, content] of files) {
    // A name of a configuration file must not lead out of the directory.
    if (host === '' || host.includes('/') || host.startsWith('.') || links.has(host)) continue;
    const file = path.join(directory, host, 'hosts.toml');
    if ((await orNothing(readFile(file, 'utf8'), '')) === content) continue;
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, content, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}
