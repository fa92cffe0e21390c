// ConversionReview, v1 and v1beta1: what a conversion webhook is asked, and which of its answers count. Pure; texts are upstream's.
import type { KubernetesObject } from '#api/kind.ts';
import { isJsonObject, type JsonObject } from '#api/patch/json-values.ts';

const group = 'apiextensions.k8s.io';

export function conversionReview(
  version: string,
  uid: string,
  desiredAPIVersion: string,
  objects: readonly KubernetesObject[],
): JsonObject {
  return {
    kind: 'ConversionReview',
    apiVersion: `${group}/${version}`,
    request: { uid, desiredAPIVersion, objects: objects.map(withoutRevision) },
    response: { uid: '', convertedObjects: null, result: { metadata: {} } },
  };
}

/** Upstream converts what it read before it knows the revision. */
function withoutRevision(object: KubernetesObject): KubernetesObject {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Why the answer cannot be used; behind `conversion webhook for KIND `. */
export class ConversionProblem extends Error {}
const failed = (message: string): ConversionProblem => new ConversionProblem(`failed: ${message}`);

const schemeName = 'k8s.io/apiserver/pkg/util/webhook/client.go:71';
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The converted objects as they came, one for each that was sent. Throws a ConversionProblem. */
function convertedObjects(review: JsonObject, version: string, uid: string): readonly unknown[] {
  const kind = text(review['kind']);
  const apiVersion = text(review['apiVersion']);
  const hasHeader = kind !== '' || apiVersion !== '';
  if (hasHeader && (kind !== 'ConversionReview' || ![`${group}/v1`, `${group}/v1beta1`].includes(apiVersion)))
    throw failed(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme ${JSON.stringify(schemeName)}`,
    );
  if (version === 'v1' && apiVersion !== `${group}/v1`)
    throw failed(
      `expected webhook response of ${group}/v1, Kind=ConversionReview, got ${hasHeader ? `${apiVersion}, Kind=${kind}` : '/, Kind='}`,
    );
  const { response } = review;
  if (!isJsonObject(response)) throw failed('no response provided');
  if (version === 'v1' && text(response['uid']) !== uid)
    throw failed(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(text(response['uid']))}`);
  const result = isJsonObject(response['result']) ? response['result'] : {};
  const status = text(result['status']);
  if (status !== 'Success')
    throw failed(
      text(result['message']) === ''
        ? `response.result.status was '${status}', not 'Success'`
        : text(result['message']),
    );
  const list = response['convertedObjects'];
  return Array.isArray(list) ? list : [];
}

/** The objects in the desired version, with their own metadata but for labels and annotations. Throws a ConversionProblem. */
export function readConversion(
  review: JsonObject,
  version: string,
  uid: string,
  desiredAPIVersion: string,
  originals: readonly KubernetesObject[],
): readonly KubernetesObject[] {
  const converted = convertedObjects(review, version, uid);
  if (converted.length !== originals.length)
    throw new ConversionProblem(`returned ${converted.length} objects, expected ${originals.length}`);
  return originals.map((original, index) => {
    const problem = (cause: string) => new ConversionProblem(`returned invalid ${cause}`);
    const at = `converted object at index ${index}`;
    const one = converted[index];
    if (!isJsonObject(one)) throw problem(`${at}: Object 'Kind' is missing`);
    const { apiVersion, kind, metadata } = one;
    if (apiVersion !== desiredAPIVersion)
      throw problem(`${at}: invalid groupVersion (expected ${desiredAPIVersion}, received ${text(apiVersion)})`);
    if (kind !== original.kind)
      throw problem(`${at}: invalid kind (expected ${original.kind ?? ''}, received ${text(kind)})`);
    if (!isJsonObject(metadata))
      throw problem(
        metadata === undefined
          ? `metadata in object at index ${index}: missing metadata in converted object`
          : `metadata in object at index ${index}: invalid metadata in converted object`,
      );
    const own = original.metadata;
    for (const [name, label] of [
      ['name', 'name'],
      ['namespace', 'namespace'],
      ['uid', 'UID'],
    ] as const) {
      const [before, after] = [own[name] ?? '', text(metadata[name])];
      if (before !== after) throw problem(`${at}: must have the same ${label}: ${before} != ${after}`);
    }
    const { labels: _labels, annotations: _annotations, ...rest } = own;
    const { kind: _kind, apiVersion: _apiVersion, metadata: _metadata, ...content } = one;
    // Kind and apiVersion first, as in all that is stored.
    return {
      kind: original.kind,
      apiVersion: desiredAPIVersion,
      metadata: { ...rest, ...texts(metadata, 'labels', index), ...texts(metadata, 'annotations', index) },
      ...content,
    };
  });
}

function texts(metadata: JsonObject, name: 'labels' | 'annotations', index: number): JsonObject {
  const value = metadata[name];
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value) || Object.values(value).some((one) => typeof one !== 'string'))
    throw new ConversionProblem(
      `returned invalid metadata in object at index ${index}: invalid metadata.${name} in converted object`,
    );
  return { [name]: value };
}
