// The role node alone: the way to another machine's control plane, with the node's own identity, instead of an API server here.
import path from 'node:path';
import { ConfigMaps } from '#api/generated/kind-references.ts';
import { ApiError } from '#api/status.ts';
import { sleep } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import { interfaceAddresses } from '#host/linux/addresses.ts';
import { watchPaths } from '#host/watched-paths.ts';
import type { HttpsServer } from '#host/https-client.ts';
import { inspectKeyPair, type KeyPair } from '#pki/certificate.ts';
import { nodeSubject } from '#pki/plan.ts';
import { clusterFactsName, readClusterFacts, type ClusterFacts } from '../cluster-facts.ts';
import { NodeCredentials } from '../node-credentials.ts';
import type { AssemblyContext } from '../parts.ts';

const retryMs = [500, 1_000, 2_000, 5_000, 10_000];
/** How often the control plane is asked whether anything is another, as often as the Lease is renewed: that it answers is news, too. */
const lookMs = 10_000;

interface Joined extends HttpsServer {
  /** Undefined: it has a bootstrap token, with which the node asks for its certificate. */
  readonly given: KeyPair | undefined;
}

export async function startJoin(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, random, logger, files, parts } = context;
  const { dataDirectory, nodeName, node } = configuration;
  let joined = await readJoinKubeconfig(context);
  const credentials = new NodeCredentials({
    dataDirectory,
    nodeName,
    nodeIp: () => parts.take('nodeAddress').current,
    files,
    clock,
    logger,
  });
  await credentials.load();
  const { createHttpsClient } = await import('#client/https.ts');
  const clientOf = (of: () => Joined) =>
    createHttpsClient({
      clock,
      random,
      logger: logger.named('client'),
      userAgent: `microshift/${nodeName}`,
      get server() {
        return of().server;
      },
      get serverName() {
        return of().serverName;
      },
      get certificateAuthority() {
        return of().certificateAuthority;
      },
      credentials() {
        const pair = credentials.clientPair(of().given);
        return pair === undefined ? of().credentials() : { certificate: pair.certificatePem, key: pair.keyPem };
      },
    });
  const client = clientOf(() => joined);
  scope.onClose(() => client.close());
  const changed = parts
    .take('machineChanges')
    .onChange(() => client.endLost(new Set(interfaceAddresses().map((one) => one.address))));
  scope.onClose(() => changed[Symbol.dispose]());
  /** Undefined: nothing is known of the cluster, and nothing runs here for it. */
  let clusterId: string | undefined;
  /** Its server is another: it holds once it is known to be of this cluster. */
  let moving: Joined | undefined;
  let lookNow = Promise.withResolvers<void>();
  const watched = watchPaths([node.kubeconfig], clock, () => {
    readJoinKubeconfig(context).then(
      (next) => {
        moving = next.server === joined.server || clusterId === undefined ? undefined : next;
        if (moving === undefined) joined = next;
        lookNow.resolve();
        logger.info('the kubeconfig of the control plane was read again');
      },
      (error: unknown) => logger.warn('the changed kubeconfig is not used', { error: messageOf(error) }),
    );
  });
  scope.onClose(() => watched[Symbol.dispose]());

  let problem: string | undefined;
  const cacheFile = path.join(dataDirectory, 'cluster.json');
  const say = (error: unknown): void => {
    const text = unreachable(error, joined.server);
    if (text !== problem) logger.warn(text);
    problem = text;
  };
  context.showProblems(() => [...(problem === undefined ? [] : [problem]), ...credentials.problems()]);
  if (credentials.clientPair(joined.given) === undefined) {
    logger.info('this node asks for its certificate, with the token of the kubeconfig');
    await credentials.bootstrap(client, scope.signal);
  }
  let facts = await learnFacts();
  const listeners = new Set<() => void>();
  scope.spawn('control plane', async (signal) => {
    for (;;) {
      const stopped = new AbortController();
      const waiting = sleep(
        clock,
        problem === undefined ? lookMs : retryMs.at(-1)!,
        AbortSignal.any([signal, stopped.signal]),
      );
      await Promise.race([waiting.catch(() => {}), lookNow.promise]);
      stopped.abort();
      signal.throwIfAborted();
      lookNow = Promise.withResolvers();
      if (moving !== undefined) await move(moving, signal);
      const before = facts;
      facts = await ask().catch((error: unknown) => {
        say(error);
        return before;
      });
      if (facts.nodeClientAuthorities !== before.nodeClientAuthorities) for (const listener of listeners) listener();
    }
  });
  parts.provide('cluster', facts);
  parts.provide('controlPlaneUrl', () => joined.server);
  // One client for all: the node has one identity, and its parts share informers.
  parts.provide('clientAs', () => client);
  parts.provide('nodeServing', {
    pair: () => credentials.serving(),
    clientAuthorities: () => facts.nodeClientAuthorities,
    onChange(listener) {
      const certificates = credentials.onChange(listener);
      listeners.add(listener);
      return {
        [Symbol.dispose]() {
          certificates[Symbol.dispose]();
          listeners.delete(listener);
        },
      };
    },
  });
  const moved = parts.take('nodeAddress');
  parts.provide('nodeRegistered', () =>
    scope.spawn('node certificates', (signal) => credentials.keepRenewed(client, () => joined.given, moved, signal)),
  );
  return () => [...(problem === undefined ? [] : [problem]), ...credentials.problems()];

  /** From the control plane; where it does not answer, as it was the last time, and asked again in the background. */
  async function learnFacts(): Promise<ClusterFacts> {
    const kept = readClusterFacts(parsed(await files.readText(cacheFile)));
    try {
      return await ask();
    } catch (error) {
      say(error);
      if (kept === undefined) return askUntilAnswered(scope.signal);
      logger.warn('the control plane does not answer: what it said before holds');
      clusterId = kept.id;
      return kept;
    }
  }
  async function askUntilAnswered(signal: AbortSignal): Promise<ClusterFacts> {
    for (let tries = 0; ; tries++) {
      await sleep(clock, retryMs[tries] ?? retryMs.at(-1)!, signal);
      try {
        return await ask();
      } catch (error) {
        say(error);
      }
    }
  }
  /** A kubeconfig of another cluster is not followed: what runs here would be removed, for its control plane knows nothing of it. */
  async function move(next: Joined, signal: AbortSignal): Promise<void> {
    const candidate = clientOf(() => next);
    const stop = () => void candidate.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const { facts: found } = await askFacts(candidate);
      if (moving !== next) return;
      moving = undefined;
      if (found.id !== clusterId)
        return logger.warn('the kubeconfig is of another cluster, which holds after a restart', { now: next.server });
      logger.info('the control plane has another address', { before: joined.server, now: next.server });
      joined = next;
    } catch (error) {
      logger.warn(unreachable(error, next.server));
    } finally {
      signal.removeEventListener('abort', stop);
      await candidate.close();
    }
  }
  async function ask(): Promise<ClusterFacts> {
    const found = await askFacts(client);
    if (problem !== undefined) logger.info('the control plane answers');
    problem = undefined;
    clusterId = found.facts.id;
    const text = JSON.stringify(found.data);
    if ((await files.readText(cacheFile)) !== text) await files.writeAtomic(cacheFile, text, 0o600);
    return found.facts;
  }
}

async function askFacts(client: Client) {
  const { data } = await client.resource(ConfigMaps).get(clusterFactsName);
  const facts = readClusterFacts(data);
  if (facts === undefined)
    throw new Error(`its ConfigMap ${clusterFactsName.namespace}/${clusterFactsName.name} is not whole`);
  return { data, facts };
}

function parsed(text: string | undefined): Readonly<Record<string, string>> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, string>>) : undefined;
  } catch {
    return undefined;
  }
}

function unreachable(error: unknown, server: string): string {
  if (error instanceof ApiError && (error.code === 401 || error.code === 403))
    return `the control plane ${server} refuses this node (${messageOf(error)}): make a new kubeconfig there with microshift add-node`;
  return `the control plane ${server} cannot be asked: ${messageOf(error)}`;
}

async function readJoinKubeconfig({ configuration, files }: AssemblyContext): Promise<Joined> {
  const { node, nodeName } = configuration;
  const file = node.kubeconfig;
  const remedy = `Make one where the control plane runs, microshift add-node ${nodeName}, and copy it to ${file}.`;
  let text: string | undefined;
  try {
    text = await files.readText(file);
  } catch (error) {
    throw new OperatorError(`The kubeconfig ${file} cannot be read: ${messageOf(error)}.`, remedy, { cause: error });
  }
  if (text === undefined) throw new OperatorError(`The kubeconfig ${file} (node.kubeconfig) does not exist.`, remedy);
  const [{ parseKubeconfig }, { readFileSync }] = await Promise.all([
    import('#client/kubeconfig.ts'),
    import('#host/files.ts'),
  ]);
  const server = await parseKubeconfig(text, {
    readFile: (name) => readFileSync(path.resolve(path.dirname(file), name)),
  });
  const { certificate, key, token } = server.credentials();
  if (token !== undefined && certificate === undefined) return { ...server, given: undefined };
  if (certificate === undefined || key === undefined)
    throw new OperatorError(`The kubeconfig ${file} has neither a client certificate nor a token.`, remedy);
  const given = { certificatePem: certificate, keyPem: key };
  const facts = inspectKeyPair(given, undefined);
  if (facts === undefined)
    throw new OperatorError(`The client certificate of the kubeconfig ${file} and its key do not fit.`, remedy);
  const expected = nodeSubject(nodeName).commonName;
  if (facts.subject.commonName !== expected)
    throw new OperatorError(
      `The kubeconfig ${file} is for ${facts.subject.commonName}, and this node is ${expected}.`,
      facts.subject.commonName.startsWith('system:node:')
        ? `Set nodeName to ${facts.subject.commonName.slice('system:node:'.length)}, or make a kubeconfig for this one: microshift add-node ${nodeName}.`
        : remedy,
    );
  return { ...server, given };
}
