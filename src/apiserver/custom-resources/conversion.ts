// Custom resources in other versions than the stored one, where a webhook converts them: made ahead of whoever reads them, in one
// call for all of a list, and kept as long as the stored object is. Everybody else reads synchronously (content/present.ts).
import type { CustomKind, KindRow, KubernetesObject } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { ApiError } from '#api/status.ts';
import { conversionBytesMax, conversionObjectsMax, conversionTimeoutSeconds } from '#base/limits.ts';
import { uuid } from '#base/random.ts';
import type { StoredObject } from '#storage/store.ts';
import { convertedObject, NotConverted, rememberConverted } from '../content/conversion.ts';
import type { Server } from '../context.ts';
import { AnswerProblem, parseAnswer } from '../outgoing/answer.ts';
import { callOutgoing, OutgoingError } from '../outgoing/call.ts';
import { isSuccess, refusalText } from '../outgoing/refusal.ts';
import { ConversionProblem, conversionReview, readConversion } from './conversion-review.ts';

type WebhookConversion = NonNullable<CustomKind['conversion']>;

/** Undefined: everything can be read at once. Rejects with an ApiError (500). */
export function convertAhead(server: Server, row: KindRow, items: readonly StoredObject[]): Promise<void> | undefined {
  if (row.custom?.conversion === undefined) return undefined;
  const missing = items.filter((stored) => convertedObject(row, stored) === undefined);
  return missing.length === 0 ? undefined : convertMissing(server, row, row.custom, missing);
}

async function convertMissing(
  server: Server,
  row: KindRow,
  custom: CustomKind,
  missing: readonly StoredObject[],
): Promise<void> {
  for (let from = 0; from < missing.length; from += conversionObjectsMax) {
    const part = missing.slice(from, from + conversionObjectsMax);
    const objects = part.map((stored) => stored.object());
    const converted = await convert(server, custom.conversion!, apiVersionOf(row), objects);
    part.forEach((stored, index) => rememberConverted(custom, stored, converted[index]!));
  }
}

/** `read` may find objects that came while others were converted: those are converted then, and it reads again. */
export async function reading<T>(
  server: Server,
  row: KindRow,
  candidates: () => readonly StoredObject[],
  read: () => T,
): Promise<T> {
  if (row.custom?.conversion === undefined) return read();
  for (;;) {
    await convertAhead(server, row, candidates());
    try {
      return read();
    } catch (error) {
      if (!(error instanceof NotConverted)) throw error;
    }
  }
}

/** A custom resource's new object as it is stored. */
export async function storedForm(server: Server, row: KindRow, object: KubernetesObject): Promise<KubernetesObject> {
  const { custom } = row;
  if (custom === undefined) return object;
  if (custom.conversion === undefined) return custom.toStored(object);
  return inVersion(server, custom.conversion, custom.conversion.storageVersion, object);
}

/** An object of a request, of any version of the row's kind, as the row's version shows it. */
export async function shownAs(server: Server, row: KindRow, object: KubernetesObject): Promise<KubernetesObject> {
  const { custom } = row;
  if (custom === undefined) return object;
  if (custom.conversion === undefined) return custom.fromStored(object);
  return custom.fromStored(await inVersion(server, custom.conversion, apiVersionOf(row), object));
}

async function inVersion(
  server: Server,
  conversion: WebhookConversion,
  apiVersion: string,
  object: KubernetesObject,
): Promise<KubernetesObject> {
  if (object.apiVersion === apiVersion) return object;
  const [converted] = await convert(server, conversion, apiVersion, [object]);
  return converted!;
}

/** Rejects with an ApiError (500) without a reason, as upstream's. */
async function convert(
  server: Server,
  { config, reviewVersions }: WebhookConversion,
  apiVersion: string,
  objects: readonly KubernetesObject[],
): Promise<readonly KubernetesObject[]> {
  const [first] = objects;
  const failure = (text: string): ApiError =>
    new ApiError(500, '', `conversion webhook for ${first?.apiVersion ?? ''}, Kind=${first?.kind ?? ''} ${text}`);
  const version = reviewVersions.find((one) => one === 'v1' || one === 'v1beta1');
  if (version === undefined) throw new ApiError(500, '', 'no supported conversion review versions');
  const uid = uuid(server.options.random);
  const body = Buffer.from(JSON.stringify(conversionReview(version, uid, apiVersion, objects)));
  try {
    const answer = await callOutgoing(server.options, config, {
      method: 'POST',
      headers: { accept: 'application/json, */*', 'content-type': 'application/json' },
      body,
      query: `timeout=${conversionTimeoutSeconds}s`,
      timeoutMs: conversionTimeoutSeconds * 1000,
      // What one request asked for, others may be waiting for: it goes on when that request is gone.
      signal: server.closing,
      answerBytesMax: conversionBytesMax,
    });
    if (!isSuccess(answer)) throw failure(`failed: ${refusalText(answer)}`);
    const review = parseAnswer(Buffer.from(answer.body).toString('utf8'));
    return readConversion(review, version, uid, apiVersion, objects);
  } catch (error) {
    if (error instanceof ConversionProblem) throw failure(error.message);
    if (error instanceof ApiError) throw error;
    if (error instanceof OutgoingError || error instanceof AnswerProblem) throw failure(`failed: ${error.message}`);
    throw error;
  }
}
