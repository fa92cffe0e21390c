// The certificates of this cluster: read, completed and renewed at start, renewed while running, told to listeners.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import path from 'node:path';
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Random } from '#base/random.ts';
import type { Scope } from '#base/scope.ts';
import type { Files } from '#host/files.ts';
import {
  certificateSerial,
  inspectKeyPair,
  issueCertificate,
  type CertificateFacts,
  type KeyPair,
} from './certificate.ts';
import { readPair, removeStaleKubeconfigs, writeDifferent, type FileWrite } from './pki-files.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import {
  bundles,
  kubeconfigPath,
  leaves,
  serviceAccountKeyPath,
  signerPath,
  signers,
  type BundleName,
  type LeafName,
  type Names,
  type SignerName,
} from './plan.ts';
import { decideRenewal, notAfterMs, notBeforeMs, type PkiState } from './renewal.ts';

export interface PkiOptions {
  readonly dataDirectory: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly names: Names;
}

/** A clock may be set, and a sleeping machine does not count: the time is compared this often (nothing else is done). An idle process wakes up for it. */
const lookMs = 60_000;
const retryMs = 60_000;

type PairFiles = ReadonlyMap<SignerName | LeafName, KeyPair>;

export class Pki {
  readonly #options: PkiOptions;
  #names: Names;
  #pairs: PairFiles = new Map();
  #dueAtMs = 0;
  #serviceAccountKey: { readonly privateKeyPem: string; readonly publicKeyPem: string } | undefined;
  readonly #listeners = new Set<() => void>();
  #timer: Timer | undefined;
  #problem: string | undefined;
  #retryAtMs = 0;
  #renewing: Promise<void> = Promise.resolve();

  private constructor(options: PkiOptions) {
    this.#options = options;
    this.#names = options.names;
  }

  /** Reads what the data directory has and issues what is missing, due or changed. */
  static async open(options: PkiOptions): Promise<Pki> {
    const pki = new Pki(options);
    await pki.#renew('start');
    return pki;
  }

  /** Certificate and key of an authority, to sign with or to show. */
  signer(name: SignerName): KeyPair {
    return this.#pairs.get(name)!;
  }
  leaf(name: LeafName): KeyPair {
    return this.#pairs.get(name)!;
  }
  /** PEM certificates of the authorities that belong together. */
  bundle(name: BundleName): string {
    return bundles[name].signers.map((signer) => this.signer(signer).certificatePem).join('');
  }
  /** ECDSA P-256: signs service account tokens (ES256). */
  get serviceAccountKey(): { readonly privateKeyPem: string; readonly publicKeyPem: string } {
    return this.#serviceAccountKey!;
  }
  get names(): Names {
    return this.#names;
  }
  kubeconfigPath(user = 'kubeadmin'): string {
    return path.join(this.#options.dataDirectory, kubeconfigPath(user));
  }
  /** Told after certificates changed: whoever serves with them loads them again, without dropping connections. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  problems(): readonly string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }

  /** The machine has other names or addresses now: certificates that name them are issued again. */
  changeNames(names: Names): Promise<void> {
    this.#names = names;
    return this.renewNow();
  }
  renewNow(): Promise<void> {
    const renewing = this.#renewing.then(async () => {
      try {
        await this.#renew('running');
      } catch (error) {
        this.#problem = `certificates could not be renewed: ${messageOf(error)}`;
        this.#retryAtMs = this.#options.clock.monotonicMs() + retryMs;
        throw error;
      }
    });
    this.#renewing = renewing.catch(() => {});
    return renewing;
  }
  /** Renews when due, until the scope closes; also what failed before. */
  keepRenewed(scope: Scope): void {
    const { clock, logger } = this.#options;
    const isDue = () =>
      this.#problem === undefined ? clock.now() >= this.#dueAtMs : clock.monotonicMs() >= this.#retryAtMs;
    const look = () => {
      if (scope.closed) return;
      if (!isDue()) return schedule();
      scope.spawn('certificate renewal', async () => {
        await this.renewNow().catch((error: unknown) =>
          logger.error('certificates could not be renewed', { error: messageOf(error) }),
        );
        schedule();
      });
    };
    const schedule = () => {
      if (!scope.closed) this.#timer = clock.schedule(lookMs, look);
    };
    schedule();
    scope.onClose(() => this.#timer?.cancel());
  }

  async #renew(phase: 'start' | 'running'): Promise<void> {
    const { files, clock, random, logger, dataDirectory } = this.#options;
    const at = (relative: string) => path.join(dataDirectory, relative);
    const pairs = new Map(phase === 'start' ? await this.#load() : this.#pairs);
    const state = stateOf(pairs);
    const now = clock.now();
    for (const name of pairs.keys()) {
      const usable = state.signers.has(name as SignerName) || state.leaves.has(name as LeafName);
      if (!usable) logger.warn('a certificate cannot be used and is made new', { certificate: name });
    }
    const decision = decideRenewal(now, phase, state, this.#names);
    const writes: FileWrite[] = [];
    const writePair = (relative: string, pair: KeyPair) => {
      // The key first: a certificate without its key is never there.
      writes.push({ file: at(`${relative}.key`), content: pair.keyPem, mode: 0o600 });
      writes.push({ file: at(`${relative}.crt`), content: pair.certificatePem, mode: 0o600 });
    };
    const serial = () => certificateSerial(random);
    for (const { name, key } of decision.signers) {
      const pair = issueCertificate({
        subject: { commonName: name, organizations: ['openshift'] },
        use: 'authority',
        notBeforeMs,
        notAfterMs: notAfterMs(now, 'signer'),
        serial: serial(),
        keyPem: key === 'keep' ? pairs.get(name)!.keyPem : undefined,
      });
      pairs.set(name, pair);
      writePair(signerPath(name), pair);
    }
    for (const { name } of decision.leaves) {
      const plan = leaves.find((one) => one.name === name)!;
      const pair = issueCertificate({
        subject: plan.subject(this.#names),
        use: plan.use,
        names: plan.names?.(this.#names),
        notBeforeMs,
        notAfterMs: notAfterMs(now, plan.lifetime),
        serial: serial(),
        issuer: pairs.get(plan.signer)!,
      });
      pairs.set(name, pair);
      writePair(plan.path, pair);
    }
    this.#serviceAccountKey ??= await this.#serviceAccountKeyPair(writes);
    const changed = decision.signers.length + decision.leaves.length > 0;
    const previous = this.#pairs;
    this.#pairs = pairs;
    try {
      await this.#derivedFiles(writes);
      if (writes.length > 0) await files.writeAllAtomic(writes);
    } catch (error) {
      // What is not on disk is not in use either; the next attempt starts from the same state.
      this.#pairs = previous;
      throw error;
    }
    const { kubeconfigs, named = [] } = this.#names;
    const kept = [...kubeconfigs, ...named.map((one) => one.name)];
    await removeStaleKubeconfigs(files, at('resources/kubeadmin'), kept, logger);
    this.#dueAtMs = decision.dueAtMs;
    this.#problem = undefined;
    if (!changed) return;
    const renewed = decision.leaves.filter((one) => state.leaves.has(one.name));
    if (renewed.length > 0 || phase === 'running')
      logger.info('certificates issued again', {
        certificates: decision.leaves.map((one) => `${one.name}: ${one.reason}`).join('; '),
      });
    for (const listener of this.#listeners) listener();
  }

  async #load(): Promise<Map<SignerName | LeafName, KeyPair>> {
    const { files, dataDirectory, logger } = this.#options;
    const pairs = new Map<SignerName | LeafName, KeyPair>();
    const paths: readonly (readonly [SignerName | LeafName, string])[] = [
      ...signers.map((name) => [name, signerPath(name)] as const),
      ...leaves.map((leaf) => [leaf.name, leaf.path] as const),
    ];
    await Promise.all(
      paths.map(async ([name, relative]) => {
        const pair = await readPair(files, path.join(dataDirectory, relative), logger);
        if (pair !== undefined) pairs.set(name, pair);
      }),
    );
    return pairs;
  }

  async #serviceAccountKeyPair(writes: FileWrite[]): Promise<{ privateKeyPem: string; publicKeyPem: string }> {
    const file = path.join(this.#options.dataDirectory, serviceAccountKeyPath);
    const stored = await this.#options.files.readText(`${file}.key`);
    let privateKeyPem = stored;
    if (privateKeyPem === undefined) {
      privateKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      }) as string;
      writes.push({ file: `${file}.key`, content: privateKeyPem, mode: 0o600 });
    }
    let publicKeyPem: string;
    try {
      publicKeyPem = createPublicKey(createPrivateKey(privateKeyPem)).export({ type: 'spki', format: 'pem' }) as string;
    } catch (error) {
      // Not replaced: every token in the cluster would stop working without a word.
      throw new OperatorError(
        `The key that signs the tokens of service accounts, ${file}.key, is damaged: ${messageOf(error)}.`,
        'Bring it back from a backup. To go on with a new key, remove the file: every token of the cluster is then made anew, and Pods restart those that keep theirs.',
        { cause: error },
      );
    }
    if (stored === undefined) writes.push({ file: `${file}.pub`, content: publicKeyPem, mode: 0o600 });
    return { privateKeyPem, publicKeyPem };
  }

  /** Bundles and kubeconfigs follow from the pairs: written when they differ. */
  async #derivedFiles(writes: FileWrite[]): Promise<void> {
    const { files, dataDirectory } = this.#options;
    const wanted: (readonly [string, string])[] = [];
    for (const name of Object.keys(bundles) as BundleName[])
      wanted.push([path.join(dataDirectory, bundles[name].path), this.bundle(name)]);
    const { apiServerUrl, kubeconfigs, named = [] } = this.#names;
    const config = (user: string, server: string, leaf: LeafName, authoritiesPem = this.bundle('serving')) =>
      wanted.push([this.kubeconfigPath(user), renderKubeconfig(server, authoritiesPem, this.leaf(leaf))]);
    for (const leaf of leaves) if (leaf.kubeconfig !== undefined) config(leaf.kubeconfig, apiServerUrl, leaf.name);
    const trusted = new Map(named.map((one) => [one.name, one.authoritiesPem]));
    for (const name of new Set([...kubeconfigs, ...trusted.keys()]))
      config(`kubeadmin/${name}`, serverAt(apiServerUrl, name), 'admin', trusted.get(name));
    await writeDifferent(files, wanted, writes);
  }
}

/** The same port, by another name or address. */
function serverAt(apiServerUrl: string, host: string): string {
  const url = new URL(apiServerUrl);
  return `https://${host.includes(':') ? `[${host}]` : host}:${url.port === '' ? '443' : url.port}`;
}

function stateOf(pairs: PairFiles): PkiState {
  const signerFacts = new Map<SignerName, CertificateFacts>();
  const leafFacts = new Map<LeafName, CertificateFacts>();
  for (const name of signers) {
    const pair = pairs.get(name);
    const facts = pair === undefined ? undefined : inspectKeyPair(pair, pair);
    if (facts !== undefined) signerFacts.set(name, facts);
  }
  for (const leaf of leaves) {
    const pair = pairs.get(leaf.name);
    const issuer = pairs.get(leaf.signer);
    const facts = pair === undefined || issuer === undefined ? undefined : inspectKeyPair(pair, issuer);
    if (facts !== undefined) leafFacts.set(leaf.name, facts);
  }
  return { signers: signerFacts, leaves: leafFacts };
}
