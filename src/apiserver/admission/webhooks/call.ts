// Asks one webhook about one request: what it says, or why it could not be asked.
import { ApiError, badRequestError } from '#api/status.ts';
import { uuid } from '#base/random.ts';
import { reviewBytesMax } from '#base/limits.ts';
import type { AdmissionAttributes, Server } from '../../context.ts';
import { AnswerProblem } from '../../outgoing/answer.ts';
import { callOutgoing, OutgoingError } from '../../outgoing/call.ts';
import { isSuccess, refusalText } from '../../outgoing/refusal.ts';
import type { Matched } from '../dynamic/request-matcher.ts';
import type { VersionedObjects } from '../dynamic/versioned-object.ts';
import type { CompiledWebhook } from './configurations.ts';
import {
  admissionRequest,
  admissionReview,
  parseReview,
  reviewVersionOf,
  type ReviewResponse,
  type ReviewResult,
} from './review.ts';

/** The webhook gave no answer that counts: its failure policy says what follows. */
export class WebhookFailure extends Error {
  /** For the metrics. */
  readonly code: number;
  readonly isCanceled: boolean;
  constructor(webhook: string, reason: string, code: number, isCanceled = false) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${reason}`);
    this.name = 'WebhookFailure';
    this.code = code;
    this.isCanceled = isCanceled;
  }
}

/** The webhook said no. */
export class WebhookDenial extends ApiError {
  readonly #result: ReviewResult;
  constructor(webhook: string, result: ReviewResult | undefined) {
    const { code = 0, status = '', message = '', reason = '', details, metadata = {} } = result ?? {};
    const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`;
    const told = message !== '' ? `: ${message}` : reason !== '' ? `: ${reason}` : ' without explanation';
    super(code < 400 ? 400 : code, reason, `${denied}${told}`, details);
    this.#result = { code, status, message, reason, details, metadata };
  }
  override toStatus() {
    const status = this.#result.status;
    return {
      ...super.toStatus(),
      metadata: this.#result.metadata,
      ...(status === '' || status === 'Success' ? {} : { status: status as 'Failure' }),
    };
  }
}

/** Throws an ApiError when this webhook must not be called. */
function checkDryRun({ webhook }: CompiledWebhook, attributes: AdmissionAttributes): void {
  if (!attributes.dryRun || webhook.sideEffects === 'None' || webhook.sideEffects === 'NoneOnDryRun') return;
  throw badRequestError(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
}

/** Throws a WebhookFailure; a WebhookDenial or another ApiError where the request is refused. */
export async function callWebhook(
  hook: CompiledWebhook,
  attributes: AdmissionAttributes,
  matched: Matched,
  objects: VersionedObjects,
  server: Server,
  mutating: boolean,
): Promise<ReviewResponse> {
  const { webhook, timeoutMs } = hook;
  checkDryRun(hook, attributes);
  const version = reviewVersionOf(webhook.admissionReviewVersions);
  if (version === undefined)
    throw new WebhookFailure(
      webhook.name,
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
      400,
    );
  const uid = uuid(server.options.random);
  const review = admissionReview(version, uid, admissionRequest(attributes, matched), objects);
  const failed = (reason: string, code: number, isCanceled = false) =>
    new WebhookFailure(webhook.name, reason, code, isCanceled);
  const answer = await callOutgoing(server.options, webhook.clientConfig, {
    method: 'POST',
    headers: { accept: 'application/json, */*', 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(review)),
    query: `timeout=${Math.ceil(timeoutMs / 1000)}s`,
    timeoutMs,
    signal: attributes.signal,
    answerBytesMax: reviewBytesMax,
  }).catch((error: unknown) => {
    if (error instanceof OutgoingError && error.isMisconfigured)
      throw failed(`could not get REST client: ${error.message}`, 500);
    if (error instanceof OutgoingError) throw failed(`failed to call webhook: ${error.message}`, 503, error.isCanceled);
    throw error;
  });
  if (!isSuccess(answer)) throw failed(`failed to call webhook: ${refusalText(answer)}`, answer.status);
  if (answer.body.length === 0)
    throw failed(
      `failed to call webhook: 0-length response with status code: ${answer.status} and content type: ${answer.headers['content-type'] ?? 'application/json'}`,
      503,
    );
  let response: ReviewResponse;
  try {
    response = parseReview(Buffer.from(answer.body).toString('utf8'), version, uid, mutating);
  } catch (error) {
    if (!(error instanceof AnswerProblem)) throw error;
    const what = error.isInvalid ? 'received invalid webhook response' : 'failed to call webhook';
    throw failed(`${what}: ${error.message}`, 503);
  }
  for (const [key, value] of Object.entries(response.auditAnnotations))
    attributes.annotate(`${webhook.name}/${key}`, value);
  attributes.warnings.push(...response.warnings);
  if (!response.allowed) throw new WebhookDenial(webhook.name, response.result);
  return response;
}
