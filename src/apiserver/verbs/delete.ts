// DELETE of one object: options, preconditions, grace, finalizers.
import { answersDeletionWithObject } from '#api/answers-deletion.ts';
import { invalid, notSupported } from '#api/field-error.ts';
import type { FieldError } from '#api/field-error.ts';
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { ApiError, badRequestError, invalidError } from '#api/status.ts';
import { decodeType } from '#api/schema/decode.ts';
import type { DeleteOptions } from '#api/generated/types.ts';
import { conversionOf, storageRow } from '../content/conversion.ts';
import { endpointOf, negotiateOutput } from '../content/negotiate.ts';
import { objectOf, respondWith } from '../content/present.ts';
import { readBody } from '../content/read-body.ts';
import { checkDryRun, writeOptions } from '../content/request-options.ts';
import { deleteObject } from '../registry/delete-object.ts';
import type { DeleteSettings } from '../registry/delete-object.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respondObject, successStatus } from '../responses.ts';

const optionsType = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
const policies = ['Foreground', 'Background', 'Orphan'];

function optionsOfQuery(request: ApiRequest): DeleteOptions {
  const { query } = request;
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null && !/^-?\d+$/.test(grace))
    throw badRequestError(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  if (grace !== null && BigInt.asIntN(64, BigInt(grace)) !== BigInt(grace))
    throw badRequestError(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: value out of range`);
  const orphan = query.get('orphanDependents');
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  return {
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(orphan === null ? {} : { orphanDependents: orphan !== 'false' && orphan !== '0' }),
    ...(query.has('propagationPolicy') ? { propagationPolicy: query.get('propagationPolicy')! } : {}),
    ...(dryRun.length === 0 ? {} : { dryRun }),
  };
}

/** Any version of DeleteOptions will do, as they have no group of their own. */
function checkKind(value: unknown): void {
  const { kind, apiVersion } = (value ?? {}) as { kind?: unknown; apiVersion?: unknown };
  if (typeof kind === 'string' && kind !== '' && kind !== 'DeleteOptions')
    throw badRequestError(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion ?? 'v1')} in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"`,
    );
}

/** Upstream tells what is wrong with these options alone without what it is wrong in. */
function withoutPlace(error: unknown): unknown {
  if (!(error instanceof ApiError) || error.code !== 400) return error;
  const unreadable = /^the object provided is unrecognized \([^)]*\): (.*) \([0-9a-f]*\)$/s.exec(error.message)?.[1];
  return badRequestError(
    unreadable ?? error.message.replace(/^DeleteOptions in version "[^"]*" cannot be handled as a DeleteOptions: /, ''),
  );
}

async function readOptions(request: ApiRequest): Promise<DeleteOptions> {
  const body = await readBody(request, { group: '', version: 'v1', kind: 'DeleteOptions' });
  if (body === undefined) return optionsOfQuery(request);
  checkKind(body.value);
  return decodeType(optionsType, body.value, { ...body, fieldValidation: 'Ignore' }).object as DeleteOptions;
}

export async function deleteSettings(request: ApiRequest): Promise<DeleteSettings & { readonly accepted: boolean }> {
  const options = await readOptions(request).catch((error: unknown) => {
    throw withoutPlace(error);
  });
  const errors: FieldError[] = [];
  if (
    options.orphanDependents !== undefined &&
    options.orphanDependents !== null &&
    (options.propagationPolicy ?? '') !== ''
  )
    errors.push(
      invalid(
        'propagationPolicy',
        options.propagationPolicy,
        'orphanDependents and deletionPropagation cannot be both set',
      ),
    );
  if ((options.propagationPolicy ?? '') !== '' && !policies.includes(options.propagationPolicy!))
    errors.push(notSupported('propagationPolicy', options.propagationPolicy, [...policies, 'nil']));
  checkDryRun(options.dryRun ?? [], errors);
  if (errors.length > 0) throw invalidError({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  const orphan = options.orphanDependents ?? undefined;
  return {
    dryRun: (options.dryRun?.length ?? 0) > 0 || writeOptions(request, 'UpdateOptions').dryRun,
    gracePeriodSeconds: options.gracePeriodSeconds ?? undefined,
    propagationPolicy:
      orphan === undefined
        ? ((options.propagationPolicy || undefined) as DeleteSettings['propagationPolicy'])
        : orphan
          ? 'Orphan'
          : 'Background',
    preconditions: options.preconditions ?? {},
    options: options as Readonly<Record<string, unknown>>,
    accepted: orphan === false,
  };
}

/** DELETE of one object. */
export async function deleteOne(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const form = negotiateOutput(context.request, endpointOf(request.row));
  const settings = await deleteSettings(context.request);
  const { object, stored, removed } = await deleteObject({ ...request, row: storageRow(request.row) }, settings);
  const status = !removed && settings.accepted ? 202 : 200;
  if (removed && !answersDeletionWithObject(row)) {
    const { name, uid } = object.metadata;
    return respondObject(
      successStatus({
        ...(name === undefined ? {} : { name }),
        ...(row.group === '' ? {} : { group: row.group }),
        kind: row.resource,
        ...(uid === undefined ? {} : { uid }),
      }),
      status,
    );
  }
  const shown = () => conversionOf(row)?.fromStorage(object) ?? object;
  return respondWith(context, row, stored === undefined ? shown() : objectOf(row, stored), form, status);
}
