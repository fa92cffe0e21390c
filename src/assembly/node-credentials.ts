// The certificates of a node that joined another machine's control plane: the client certificate of its kubeconfig, renewed by
// request to the cluster, and the serving certificate of its API, asked for with the addresses that it has.
import path from 'node:path';
import { CertificateSigningRequests } from '#api/generated/kind-references.ts';
import { sleep, type Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/client.ts';
import type { Files } from '#host/files.ts';
import { canonicalNames, inspectKeyPair, type KeyPair } from '#pki/certificate.ts';
import { makeCertificateRequest } from '#pki/certificate-request.ts';
import { lifetimes, nodeSubject } from '#pki/plan.ts';
import { readPair } from '#pki/pki-files.ts';

const signers = {
  client: { name: 'kubernetes.io/kube-apiserver-client-kubelet', usage: 'client auth' },
  serving: { name: 'kubernetes.io/kubelet-serving', usage: 'server auth' },
} as const;
type Use = keyof typeof signers;

const lookMs = 60_000;
const answerLooksMs = [200, 500, 1_000, 2_000, 5_000, 10_000];
const answerWaitMs = 15 * 60_000;

export interface NodeCredentialsOptions {
  readonly dataDirectory: string;
  readonly nodeName: string;
  readonly nodeIp: () => string;
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class NodeCredentials {
  readonly #options: NodeCredentialsOptions;
  readonly #pairs = new Map<Use, KeyPair>();
  readonly #listeners = new Set<() => void>();
  readonly #problems = new Map<Use, string>();

  constructor(options: NodeCredentialsOptions) {
    this.#options = options;
  }
  /** What was renewed before a restart. */
  async load(): Promise<void> {
    for (const use of ['client', 'serving'] as const) {
      const pair = await readPair(this.#options.files, this.#base(use), this.#options.logger);
      if (pair !== undefined && inspectKeyPair(pair, undefined) !== undefined) this.#pairs.set(use, pair);
    }
  }
  /**
   * The one that is valid longer: that of the kubeconfig, or what it was renewed to. Undefined: the kubeconfig has none, and it was not asked
   * for yet, or has ended.
   */
  clientPair(given: KeyPair | undefined): KeyPair | undefined {
    const own = this.#pairs.get('client');
    const facts = own && inspectKeyPair(own, undefined);
    if (given === undefined) {
      const isOurs = facts?.subject.commonName === nodeSubject(this.#options.nodeName).commonName;
      return facts !== undefined && isOurs && facts.notAfterMs > this.#options.clock.now() ? own : undefined;
    }
    const givenFacts = inspectKeyPair(given, undefined);
    if (own === undefined || facts === undefined || givenFacts === undefined) return given;
    const sameNode = facts.subject.commonName === givenFacts.subject.commonName;
    return sameNode && facts.notAfterMs > givenFacts.notAfterMs ? own : given;
  }
  serving(): KeyPair | undefined {
    return this.#pairs.get('serving');
  }
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  problems(): readonly string[] {
    return [...this.#problems.values()];
  }
  /** With the rights of a bootstrap token: asks until it has a client certificate. */
  async bootstrap(client: Client, signal: AbortSignal): Promise<void> {
    for (let tries = 0; this.clientPair(undefined) === undefined; tries++)
      try {
        await this.#request('client', client, signal);
        this.#problems.delete('client');
      } catch (error) {
        signal.throwIfAborted();
        this.#problems.set('client', `this node cannot join: ${messageOf(error)}`);
        this.#options.logger.warn(this.#problems.get('client')!);
        await sleep(this.#options.clock, answerLooksMs[tries] ?? answerLooksMs.at(-1)!, signal);
      }
  }
  /** Asks for what is missing, due, or names other addresses; again each minute and at once after `wake`. */
  async keepRenewed(
    client: Client,
    given: () => KeyPair | undefined,
    wake: Changes,
    signal: AbortSignal,
  ): Promise<void> {
    let woken = Promise.withResolvers<void>();
    using _listening = wake.onChange(() => woken.resolve());
    while (!signal.aborted) {
      woken = Promise.withResolvers();
      for (const use of ['serving', 'client'] as const)
        try {
          if (this.#isDue(use, given)) await this.#request(use, client, signal);
          this.#problems.delete(use);
        } catch (error) {
          if (signal.aborted) return;
          const problem = `the ${use} certificate of this node could not be had from the control plane: ${messageOf(error)}`;
          if (this.#problems.get(use) !== problem) this.#options.logger.warn(problem);
          this.#problems.set(use, problem);
        }
      await Promise.race([sleep(this.#options.clock, lookMs, signal).catch(() => {}), woken.promise]);
    }
  }
  #isDue(use: Use, given: () => KeyPair | undefined): boolean {
    const { clock } = this.#options;
    const pair = use === 'client' ? this.clientPair(given()) : this.#pairs.get('serving');
    const facts = pair && inspectKeyPair(pair, undefined);
    if (facts === undefined) return true;
    if (facts.notAfterMs - clock.now() < lifetimes.short.renewRunningMs) return true;
    return use === 'serving' && facts.names.join() !== canonicalNames(this.#names()).join();
  }
  #names(): readonly string[] {
    return [this.#options.nodeName, this.#options.nodeIp()];
  }
  #base(use: Use): string {
    return path.join(this.#options.dataDirectory, `certs/node-${use}/${use}`);
  }
  async #request(use: Use, client: Client, signal: AbortSignal): Promise<void> {
    const { nodeName, files, clock, logger } = this.#options;
    const names = use === 'serving' ? this.#names() : [];
    const { requestPem, keyPem } = makeCertificateRequest(nodeSubject(nodeName), names);
    const requests = client.resource(CertificateSigningRequests);
    const made = await requests.create({
      metadata: { generateName: 'csr-' },
      spec: {
        request: Buffer.from(requestPem).toString('base64'),
        signerName: signers[use].name,
        usages: ['digital signature', signers[use].usage],
      },
    });
    const name = made.metadata.name!;
    const untilMs = clock.monotonicMs() + answerWaitMs;
    for (let looks = 0; clock.monotonicMs() < untilMs; looks++) {
      await sleep(clock, answerLooksMs[looks] ?? answerLooksMs.at(-1)!, signal);
      // Moved on meanwhile: nobody will approve the address that is gone.
      if (use === 'serving' && names.join() !== this.#names().join()) return;
      const { status } = await requests.get({ name });
      const refusal = status?.conditions?.find((one) => one.type === 'Denied' || one.type === 'Failed');
      if (refusal !== undefined)
        throw new Error(`the request ${name} was refused: ${refusal.message ?? refusal.reason}`);
      if ((status?.certificate ?? '') === '') {
        if (looks === answerLooksMs.length)
          this.#problems.set(use, `the request ${name} waits for an approval: oc adm certificate approve ${name}`);
        continue;
      }
      const pair = { certificatePem: Buffer.from(status!.certificate!, 'base64').toString(), keyPem };
      await files.writeAllAtomic([
        { file: `${this.#base(use)}.key`, content: keyPem, mode: 0o600 },
        { file: `${this.#base(use)}.crt`, content: pair.certificatePem, mode: 0o600 },
      ]);
      this.#pairs.set(use, pair);
      logger.info(`the ${use} certificate of this node is new`, { names: names.join(',') });
      for (const listener of this.#listeners) listener();
      return;
    }
    throw new Error(`nobody answered the request ${name}`);
  }
}

interface Changes {
  onChange(listener: () => void): Disposable;
}
