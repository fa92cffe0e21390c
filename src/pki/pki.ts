// The certificates of this cluster: read, completed and renewed at start, renewed while running, told to listeners.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import path from 'node:path';
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
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
import { renderKubeconfig } from './kubeconfig.ts';
import {
  bundles,
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

/** A clock may jump, and a sleeping machine does not count: look at least this often. */
const lookAgainMsMax = 24 * 3_600_000;

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
    return path.join(this.#options.dataDirectory, 'resources', user, 'kubeconfig');
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
    this.#renewing = this.#renewing.then(() => this.#renew('running'));
    return this.#renewing;
  }
  /** Renews when due, until the scope closes. */
  keepRenewed(scope: Scope): void {
    const { clock, logger } = this.#options;
    const schedule = () => {
      if (scope.closed) return;
      const delayMs = Math.min(Math.max(this.#dueAtMs - clock.now(), 60_000), lookAgainMsMax);
      this.#timer = clock.schedule(delayMs, () => {
        if (clock.now() < this.#dueAtMs && this.#problem === undefined) return schedule();
        scope.spawn('certificate renewal', async () => {
          try {
            await this.renewNow();
            this.#problem = undefined;
          } catch (error) {
            this.#renewing = Promise.resolve();
            this.#problem = `certificates could not be renewed: ${messageOf(error)}`;
            logger.error('certificates could not be renewed', { error: messageOf(error) });
          }
          schedule();
        });
      });
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
    const writes: { file: string; content: string; mode: number }[] = [];
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
    this.#dueAtMs = decision.dueAtMs;
    if (!changed) return;
    const renewed = decision.leaves.filter((one) => state.leaves.has(one.name));
    if (renewed.length > 0 || phase === 'running')
      logger.info('certificates issued again', {
        certificates: decision.leaves.map((one) => `${one.name}: ${one.reason}`).join('; '),
      });
    for (const listener of this.#listeners) listener();
  }

  async #load(): Promise<Map<SignerName | LeafName, KeyPair>> {
    const { files, dataDirectory } = this.#options;
    const pairs = new Map<SignerName | LeafName, KeyPair>();
    const paths: readonly (readonly [SignerName | LeafName, string])[] = [
      ...signers.map((name) => [name, signerPath(name)] as const),
      ...leaves.map((leaf) => [leaf.name, leaf.path] as const),
    ];
    await Promise.all(
      paths.map(async ([name, relative]) => {
        const [certificatePem, keyPem] = await Promise.all([
          files.readText(path.join(dataDirectory, `${relative}.crt`)),
          files.readText(path.join(dataDirectory, `${relative}.key`)),
        ]);
        if (certificatePem !== undefined && keyPem !== undefined) pairs.set(name, { certificatePem, keyPem });
      }),
    );
    return pairs;
  }

  async #serviceAccountKeyPair(
    writes: { file: string; content: string; mode: number }[],
  ): Promise<{ privateKeyPem: string; publicKeyPem: string }> {
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
    // A key that cannot be read is not replaced: every token in the cluster would stop working without a word.
    const publicKeyPem = createPublicKey(createPrivateKey(privateKeyPem)).export({
      type: 'spki',
      format: 'pem',
    }) as string;
    if (stored === undefined) writes.push({ file: `${file}.pub`, content: publicKeyPem, mode: 0o600 });
    return { privateKeyPem, publicKeyPem };
  }

  /** Bundles and kubeconfigs follow from the pairs: written when they differ. */
  async #derivedFiles(writes: { file: string; content: string; mode: number }[]): Promise<void> {
    const { files, dataDirectory } = this.#options;
    const wanted: (readonly [string, string])[] = [];
    for (const name of Object.keys(bundles) as BundleName[])
      wanted.push([path.join(dataDirectory, bundles[name].path), this.bundle(name)]);
    for (const leaf of leaves) {
      if (leaf.kubeconfig === undefined) continue;
      wanted.push([
        this.kubeconfigPath(leaf.kubeconfig),
        renderKubeconfig(this.#names.apiServerUrl, this.bundle('serving'), this.leaf(leaf.name)),
      ]);
    }
    await Promise.all(
      wanted.map(async ([file, content]) => {
        if ((await files.readText(file)) !== content) writes.push({ file, content, mode: 0o600 });
      }),
    );
  }
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
