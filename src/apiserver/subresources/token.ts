// POST of a TokenRequest: a signed, expiring token for a service account, bound to a Pod, Secret or Node if asked.
import type { Node, Pod, Secret, ServiceAccount, TokenRequest } from '#api/generated/types.ts';
import { Nodes, Pods, Secrets } from '#api/generated/kind-references.ts';
import { storageKey } from '#api/kinds.ts';
import { invalid } from '#api/field-error.ts';
import type { FieldError } from '#api/field-error.ts';
import { uuid } from '#base/random.ts';
import type { ApiResponse } from '#api/request.ts';
import { formatTime } from '#api/meta/time.ts';
import { applyDefaults } from '#api/schema/defaults.ts';
import { ApiError, badRequestError, conflictError, invalidError, notFoundError } from '#api/status.ts';
import { checkNodeToken } from '../admission/node-token.ts';
import { readTyped } from '../content/read-created.ts';
import { writeOptions } from '../content/request-options.ts';
import { admitAction } from '../registry/admit-action.ts';
import { storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { serviceAccountUser } from '../authentication/service-account-names.ts';
import { respondObject } from '../responses.ts';
import { annotate } from '../audit/notes.ts';

const tokenType = 'io.k8s.api.authentication.v1.TokenRequest';
const groupKind = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const secondsMin = 600;
const secondsMax = 2 ** 32;
const warningSeconds = 3_600 + 7;
const extendedSeconds = 365 * 24 * 3_600;

interface Bound {
  readonly claim: Readonly<Record<string, { readonly name: string; readonly uid?: string }>>;
  readonly isPod: boolean;
}

function boundObject(request: ResourceRequest, account: ServiceAccount, review: TokenRequest): Bound | undefined {
  const reference = review.spec.boundObjectRef;
  if (reference === undefined || reference === null) return undefined;
  const { store } = request.context.server.options;
  const name = reference.name ?? '';
  const find = <T>(kind: typeof Pods | typeof Secrets | typeof Nodes): T | undefined =>
    store.get(storageKey(kind as typeof Pods, request.namespace, name))?.object() as T | undefined;
  const isCore = (reference.apiVersion ?? '') === 'v1';
  const checkUid = (uid: string | undefined): void => {
    if ((reference.uid ?? '') !== '' && reference.uid !== uid)
      throw conflictError(
        { group: '', resource: reference.kind ?? '' },
        name,
        `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
  };
  const identity = (object: {
    readonly metadata: { readonly name?: string | undefined; readonly uid?: string | undefined };
  }) => ({
    name: object.metadata.name!,
    uid: object.metadata.uid!,
  });
  if (reference.kind === 'Pod' && isCore) {
    const pod = find<Pod>(Pods);
    if (pod === undefined) throw notFoundError({ group: '', resource: 'pods' }, name);
    if (pod.spec?.serviceAccountName !== account.metadata.name)
      throw badRequestError(
        `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
      );
    checkUid(pod.metadata.uid);
    const nodeName = pod.spec.nodeName ?? '';
    const node =
      nodeName === '' ? undefined : (store.get(storageKey(Nodes, undefined, nodeName))?.object() as Node | undefined);
    if (nodeName === '') return { isPod: true, claim: { pod: identity(pod) } };
    return {
      isPod: true,
      claim: { pod: identity(pod), node: node === undefined ? { name: nodeName } : identity(node) },
    };
  }
  if (reference.kind === 'Node' && isCore) {
    const node = store.get(storageKey(Nodes, undefined, name))?.object() as Node | undefined;
    if (node === undefined) throw notFoundError({ group: '', resource: 'nodes' }, name);
    checkUid(node.metadata.uid);
    return { isPod: false, claim: { node: identity(node) } };
  }
  if (reference.kind === 'Secret' && isCore) {
    const secret = find<Secret>(Secrets);
    if (secret === undefined) throw notFoundError({ group: '', resource: 'secrets' }, name);
    checkUid(secret.metadata.uid);
    return { isPod: false, claim: { secret: identity(secret) } };
  }
  const version = reference.apiVersion ?? '';
  throw badRequestError(
    `cannot bind token to object of type ${version.includes('/') ? version : `/${version}`}, Kind=${reference.kind ?? ''}`,
  );
}

export async function requestToken(request: ResourceRequest): Promise<ApiResponse> {
  const { context } = request;
  const { clock, random, serviceAccountTokens } = context.server.options;
  if (serviceAccountTokens.signer === undefined)
    throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
  const options = writeOptions(context.request, 'CreateOptions');
  const target = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
  const review = (await readTyped(context, tokenType, target, options)) as unknown as TokenRequest;
  await checkNodeToken(request, review);
  applyDefaults(tokenType, review);
  if ((review.metadata?.namespace ?? '') !== '' && review.metadata!.namespace !== request.namespace)
    throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
  if ((review.metadata?.name ?? '') !== '' && review.metadata!.name !== request.name)
    throw invalidError(groupKind, request.name, [
      invalid('metadata.name', review.metadata!.name, 'must match the service account name if specified'),
    ]);
  await admitAction(request, {
    operation: 'CREATE',
    object: review,
    kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    dryRun: options.dryRun,
  });
  const account = storedOf(request).object() as ServiceAccount;
  if ((review.metadata?.uid ?? '') !== '' && review.metadata!.uid !== account.metadata.uid)
    throw conflictError(
      { group: groupKind.group, resource: groupKind.kind },
      request.name,
      `the UID in the token request (${review.metadata!.uid}) does not match the UID of the service account (${account.metadata.uid})`,
    );
  const asked = review.spec.expirationSeconds ?? 3_600;
  const errors: FieldError[] = [];
  if (asked < secondsMin)
    errors.push(invalid('spec.expirationSeconds', asked, 'may not specify a duration less than 10 minutes'));
  if (asked > secondsMax)
    errors.push(invalid('spec.expirationSeconds', asked, 'may not specify a duration larger than 2^32 seconds'));
  if (errors.length > 0) throw invalidError(groupKind, '', errors);
  const bound = boundObject(request, account, review);
  const audiences =
    (review.spec.audiences ?? []).length === 0 ? serviceAccountTokens.audiences : review.spec.audiences!;

  // A pod's own token lives a year on the server's side, so that clients that never read it again go on working; it
  // counts as stale after the hour that was asked for.
  const isExtended =
    bound?.isPod === true &&
    asked === warningSeconds &&
    audiences.some((one) => serviceAccountTokens.audiences.includes(one));
  const lifetime = isExtended ? extendedSeconds : asked;
  const now = Math.floor(clock.now() / 1000);
  const tokenId = uuid(random);
  annotate(context, 'authentication.kubernetes.io/issued-credential-id', `JTI=${tokenId}`);
  const token = await serviceAccountTokens.signer.sign({
    aud: audiences,
    exp: now + lifetime,
    iat: now,
    iss: serviceAccountTokens.issuer,
    jti: tokenId,
    'kubernetes.io': {
      namespace: request.namespace,
      ...bound?.claim,
      serviceaccount: { name: account.metadata.name, uid: account.metadata.uid },
      ...(isExtended ? { warnafter: now + asked } : {}),
    },
    nbf: now,
    sub: serviceAccountUser(request.namespace, account.metadata.name!),
  });
  return respondObject(
    {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {
        name: account.metadata.name,
        namespace: request.namespace,
        creationTimestamp: formatTime(clock.now()),
      },
      spec: {
        audiences,
        expirationSeconds: asked,
        boundObjectRef: review.spec.boundObjectRef ?? null,
      },
      status: { token, expirationTimestamp: formatTime((now + asked) * 1000) },
    },
    201,
  );
}
