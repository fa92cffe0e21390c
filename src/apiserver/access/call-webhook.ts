// One question to a webhook of the configuration, or to an issuer of tokens: JSON goes, JSON comes.
import { messageOf } from '#base/errors.ts';
import { webhookAnswerBytesMax } from '#base/limits.ts';
import type { ApiServerOptions } from '../options.ts';
import { connectionError } from '../outgoing/connection-errors.ts';
import type { OutgoingTarget } from '../ports.ts';
import type { WebhookEndpoint } from './kubeconfig.ts';

export class WebhookFailure extends Error {
  /** Asked again it may answer. */
  readonly isTemporary: boolean;
  constructor(message: string, isTemporary: boolean) {
    super(message);
    this.name = 'WebhookFailure';
    this.isTemporary = isTemporary;
  }
}

type Options = Pick<ApiServerOptions, 'outgoing' | 'clock' | 'random'>;

interface Call {
  readonly target: OutgoingTarget;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly pathAndQuery: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  readonly timeoutMs: number;
}

/** Rejects with a WebhookFailure. */
export async function callJson(options: Options, call: Call): Promise<unknown> {
  const { outgoing, clock } = options;
  const failed = (cause: string, isTemporary: boolean): WebhookFailure =>
    new WebhookFailure(`${call.method === 'GET' ? 'Get' : 'Post'} ${JSON.stringify(call.url)}: ${cause}`, isTemporary);
  if (outgoing === undefined) throw failed('this API server makes no connections to others', false);
  const ending = new AbortController();
  const timer = clock.schedule(call.timeoutMs, () => ending.abort());
  try {
    const { host, port, secure } = call.target;
    const isDefault = port === (secure ? 443 : 80);
    const answer = await outgoing.request(call.target, {
      method: call.method,
      pathAndQuery: call.pathAndQuery,
      headers: {
        host: `${call.target.serverName ?? host}${isDefault ? '' : `:${port}`}`,
        'user-agent': 'kube-apiserver',
        accept: 'application/json',
        ...call.headers,
        ...(call.body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(call.body.length) }),
      },
      body: call.body,
      signal: ending.signal,
    });
    const text = await readText(answer.stream);
    if (answer.status < 200 || answer.status > 299)
      throw new WebhookFailure(`${call.url} answered ${answer.status}`, answer.status === 429 || answer.status >= 500);
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof WebhookFailure) throw error;
    if (ending.signal.aborted) throw failed('context deadline exceeded', true);
    if (error instanceof SyntaxError) throw failed(`the answer is no JSON: ${messageOf(error)}`, false);
    throw failed(connectionError(error, call.target), true);
  } finally {
    timer.cancel();
    ending.abort();
  }
}

async function readText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream) {
    length += part.length;
    if (length > webhookAnswerBytesMax)
      throw new WebhookFailure(`the answer is larger than ${webhookAnswerBytesMax} bytes`, false);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

const attemptsMax = 5;
const firstWaitMs = 500;
const waitFactor = 1.5;
const waitJitter = 0.2;

/** Asks again what may pass, as upstream's webhooks: five times, waiting longer each time. */
export async function askWebhook(
  options: Options,
  endpoint: WebhookEndpoint,
  question: object,
  timeoutMs: number,
): Promise<unknown> {
  const body = Buffer.from(JSON.stringify(question));
  const { authorization } = endpoint;
  let waitMs = firstWaitMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await callJson(options, {
        target: endpoint.target,
        method: 'POST',
        url: endpoint.url,
        pathAndQuery: endpoint.path,
        headers: authorization === undefined ? {} : { authorization },
        body,
        timeoutMs,
      });
    } catch (error) {
      if (!(error as WebhookFailure).isTemporary || attempt >= attemptsMax) throw error;
      const jittered = waitMs * (1 + (waitJitter * options.random.bytes(1)[0]!) / 255);
      await new Promise<void>((resolve) => void options.clock.schedule(jittered, resolve));
      waitMs *= waitFactor;
    }
  }
}
