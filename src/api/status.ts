// Expected failures of the API: each becomes a meta.k8s.io/v1 Status with upstream's code, reason and message.
// Source of texts: k8s.io/apimachinery/pkg/api/errors.
import type { FieldError } from './field-error.ts';

export interface StatusCause {
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
}
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}
export interface StatusObject {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

/** Thrown for every answer that is not a success. `reason` is the stable code to test for. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  toStatus(): StatusObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }

  /** The error that a Status from a remote server stands for. */
  static fromStatus(status: Partial<StatusObject>): ApiError {
    return new ApiError(status.code ?? 500, status.reason ?? '', status.message ?? 'unknown error', status.details);
  }
}

export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}
export interface GroupKind {
  readonly group: string;
  readonly kind: string;
}
const qualified = (gr: GroupResource) => (gr.group === '' ? gr.resource : `${gr.resource}.${gr.group}`);
const qualifiedKind = (gk: GroupKind) => (gk.group === '' ? gk.kind : `${gk.kind}.${gk.group}`);
const details = (gr: GroupResource, name?: string): StatusDetails => ({
  ...(name === undefined || name === '' ? {} : { name }),
  ...(gr.group === '' ? {} : { group: gr.group }),
  kind: gr.resource,
});

export const isReason = (error: unknown, reason: string): error is ApiError =>
  error instanceof ApiError && error.reason === reason;
export const isNotFound = (error: unknown): error is ApiError => isReason(error, 'NotFound');
export const isAlreadyExists = (error: unknown): error is ApiError => isReason(error, 'AlreadyExists');
export const isConflict = (error: unknown): error is ApiError => isReason(error, 'Conflict');
export const isGone = (error: unknown): error is ApiError => error instanceof ApiError && error.code === 410;

/** No such path: of a resource, or a version of a group. */
export const unknownResourceError = (): ApiError =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
export const notFoundError = (gr: GroupResource, name: string) =>
  new ApiError(404, 'NotFound', `${qualified(gr)} ${JSON.stringify(name)} not found`, details(gr, name));
export const alreadyExistsError = (gr: GroupResource, name: string) =>
  new ApiError(409, 'AlreadyExists', `${qualified(gr)} ${JSON.stringify(name)} already exists`, details(gr, name));
export const generateNameConflictError = (gr: GroupResource, name: string, retryAfterSeconds = 1) =>
  new ApiError(
    409,
    'AlreadyExists',
    `${qualified(gr)} ${JSON.stringify(name)} already exists, the server was not able to generate a unique name for the object`,
    { ...details(gr, name), retryAfterSeconds },
  );
export const conflictError = (gr: GroupResource, name: string, cause: string) =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(gr)} ${JSON.stringify(name)}: ${cause}`,
    details(gr, name),
  );
export const modifiedError = (gr: GroupResource, name: string) =>
  conflictError(
    gr,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
export const badRequestError = (message: string) => new ApiError(400, 'BadRequest', message);
export const unauthorizedError = (message = 'Unauthorized') => new ApiError(401, 'Unauthorized', message);
export const forbiddenError = (gr: GroupResource, name: string, cause: string) =>
  new ApiError(
    403,
    'Forbidden',
    name === ''
      ? `${qualified(gr)} is forbidden: ${cause}`
      : `${qualified(gr)} ${JSON.stringify(name)} is forbidden: ${cause}`,
    details(gr, name),
  );
/** Of a path that has no such method at all. */
export const methodNotAllowedError = () =>
  new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
export const methodNotSupportedError = (gr: GroupResource, verb: string) =>
  new ApiError(
    405,
    'MethodNotAllowed',
    `${verb} is not supported on resources of kind ${JSON.stringify(qualified(gr))}`,
    details(gr),
  );
export const notAcceptableError = (message: string) => new ApiError(406, 'NotAcceptable', message);
export const expiredError = (message: string) => new ApiError(410, 'Expired', message);
export const goneError = (message: string) => new ApiError(410, 'Gone', message);
export const unsupportedMediaTypeError = (message: string) => new ApiError(415, 'UnsupportedMediaType', message);
export const requestEntityTooLargeError = (message: string) => new ApiError(413, 'RequestEntityTooLarge', message);
export const tooManyRequestsError = (message: string, retryAfterSeconds: number) =>
  new ApiError(429, 'TooManyRequests', message, { retryAfterSeconds });
export const internalError = (message: string) =>
  new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, {
    causes: [{ message }],
  });
export const serviceUnavailableError = (message: string) => new ApiError(503, 'ServiceUnavailable', message);
export const timeoutError = (message: string) => new ApiError(504, 'Timeout', `Timeout: ${message}`, {});
export const serverTimeoutError = (gr: GroupResource, verb: string, retryAfterSeconds: number) =>
  new ApiError(
    500,
    'ServerTimeout',
    `The ${verb} operation against ${qualified(gr)} could not be completed at this time, please try again.`,
    { ...details(gr), retryAfterSeconds },
  );

/** 422 with one cause a field error. */
export function invalidError(gk: GroupKind, name: string, errors: readonly FieldError[]): ApiError {
  // Said once, however many causes say it.
  const texts = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  const summary = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new ApiError(422, 'Invalid', `${qualifiedKind(gk)} ${JSON.stringify(name)} is invalid: ${summary}`, {
    ...(name === '' ? {} : { name }),
    ...(gk.group === '' ? {} : { group: gk.group }),
    ...(gk.kind === '' ? {} : { kind: gk.kind }),
    causes: errors.map((error) => ({ reason: error.reason, message: error.message, field: error.field })),
  });
}
