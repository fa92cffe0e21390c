// JSON patch (RFC 6902) with the liberties of upstream's library: negative list positions count from the end, a test for null
// passes where there is nothing, and a member that is not there can be replaced, or copied as null.
import { ApiError, badRequestError, requestEntityTooLargeError } from '../status.ts';
import {
  cloneJson,
  equalJson,
  getMember,
  isJsonObject,
  patchRejectedError,
  setMember,
  type MutableJson,
} from './json-values.ts';

/** A test operation of the patch failed. */
export class JsonPatchTestError extends ApiError {}

function testFailed(): never {
  const { code, reason, message, details } = patchRejectedError();
  throw new JsonPatchTestError(code, reason, message, details);
}

const operationsMax = 10_000;
/** Of what copy operations may add, in characters of JSON: they could double a document again and again. */
const copiedLengthMax = 3 * 1024 * 1024;

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from: string | undefined;
  readonly value: unknown;
  readonly hasValue: boolean;
}

const known = new Set(['op', 'path', 'from', 'value']);

/** Throws ApiError 400 for what is no patch, 413 for too many operations. */
function parseOperations(operations: unknown): Operation[] {
  if (operations === null) return [];
  if (!Array.isArray(operations))
    throw badRequestError('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  if (operations.length > operationsMax)
    throw requestEntityTooLargeError(
      `Request entity too large: The allowed maximum operations in a JSON patch is ${operationsMax}, got ${operations.length}`,
    );
  return operations.map((one: unknown) => {
    if (!isJsonObject(one))
      throw badRequestError('json: cannot unmarshal value into Go value of type jsonpatch.Operation');
    const { op, path, from } = one;
    if (typeof op !== 'string' || typeof path !== 'string') throw patchRejectedError();
    if (from !== undefined && typeof from !== 'string') throw patchRejectedError();
    return { op, path, from, value: one['value'], hasValue: Object.hasOwn(one, 'value') };
  });
}

/** The members of operations that JSON patch does not know, as upstream's strict decoding names them. */
export const unknownOperationFields = (operations: unknown): string[] =>
  Array.isArray(operations)
    ? operations.flatMap((one: unknown, index) =>
        isJsonObject(one)
          ? Object.keys(one)
              .filter((key) => !known.has(key))
              .map((key) => `json patch unknown field ${JSON.stringify(`[${index}].${key}`)}`)
          : [],
      )
    : [];

/** A new document. Throws ApiError: 400 for what is no patch, 422 for one that does not apply. */
export function applyJsonPatch(document: unknown, operations: unknown): unknown {
  const parsed = parseOperations(operations);
  const root: MutableJson = { '': cloneJson(document) };
  const budget = { left: copiedLengthMax };
  for (const operation of parsed)
    try {
      applyOperation(root, operation, budget);
    } catch (error) {
      if (error instanceof ApiError && error.code === 422) rejected.set(error, operation);
      throw error;
    }
  return root[''];
}

const rejected = new WeakMap<ApiError, Operation>();
/** What did not apply, in the words of upstream's library; requests are not told, webhooks and policies are. */
export function rejectionText(error: ApiError): string {
  const operation = rejected.get(error);
  if (operation === undefined) return error.message;
  const { op, path, from = '' } = operation;
  if (op === 'test') return `testing value ${path} failed: test failed`;
  if (op === 'replace') return `replace operation does not apply: doc is missing key: ${path}: missing value`;
  if (op === 'move' || op === 'copy')
    return `${op} operation does not apply: doc is missing from path: ${JSON.stringify(from)}: missing value`;
  if (op !== 'add' && op !== 'remove') return `Unexpected kind: ${op}`;
  return `${op} operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`;
}

function applyOperation(root: MutableJson, operation: Operation, budget: { left: number }): void {
  const target = resolve(root, operation.path);
  switch (operation.op) {
    case 'add':
      return add(target, cloneJson(operation.value ?? null));
    case 'remove':
      return remove(target);
    case 'replace':
      return replace(target, cloneJson(operation.value ?? null));
    case 'move': {
      const source = resolve(root, operation.from ?? missing());
      if (operation.path.startsWith(`${operation.from}/`)) throw patchRejectedError();
      if (!exists(source)) throw patchRejectedError();
      const value = read(source);
      remove(source);
      return add(resolve(root, operation.path), value);
    }
    case 'copy': {
      const source = resolve(root, operation.from ?? missing());
      // As upstream's library: a member that is not there is copied as null, a list element cannot be.
      if (Array.isArray(source.container) && !exists(source)) throw patchRejectedError();
      const value = read(source) ?? null;
      budget.left -= JSON.stringify(value).length;
      if (budget.left < 0) throw patchRejectedError();
      return add(target, cloneJson(value));
    }
    case 'test': {
      if (!operation.hasValue && exists(target) && read(target) !== null) testFailed();
      if (!equalJson(exists(target) ? read(target) : null, operation.value ?? null)) testFailed();
      return;
    }
    default:
      throw patchRejectedError();
  }
}

function missing(): never {
  throw patchRejectedError();
}

interface Target {
  readonly container: unknown;
  readonly key: string;
}

const unescape = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~');

/** The container and key of a pointer; the whole document is the member '' of `root`. */
function resolve(root: MutableJson, pointer: string): Target {
  if (pointer !== '' && !pointer.startsWith('/')) throw patchRejectedError();
  const parts = pointer.split('/').map(unescape);
  let container: unknown = root;
  for (const part of parts.slice(0, -1)) {
    container = read({ container, key: part });
    if (typeof container !== 'object' || container === null) throw patchRejectedError();
  }
  return { container, key: parts.at(-1)! };
}

/** Position in a list, -1 for none; `limit` is the first that is out of range. */
function position(list: readonly unknown[], key: string, limit: number): number {
  if (!/^-?\d+$/.test(key)) return -1;
  const index = Number(key);
  if (index >= limit || index < -list.length) return -1;
  return index < 0 ? index + limit : index;
}

function read({ container, key }: Target): unknown {
  if (Array.isArray(container)) {
    const index = position(container, key, container.length);
    return index < 0 ? undefined : container[index];
  }
  return isJsonObject(container) ? getMember(container, key) : undefined;
}

function exists({ container, key }: Target): boolean {
  if (Array.isArray(container)) return position(container, key, container.length) >= 0;
  return isJsonObject(container) && Object.hasOwn(container, key);
}

function add({ container, key }: Target, value: unknown): void {
  if (Array.isArray(container)) {
    const index = key === '-' ? container.length : position(container, key, container.length + 1);
    if (index < 0) throw patchRejectedError();
    container.splice(index, 0, value);
  } else if (isJsonObject(container)) setMember(container as MutableJson, key, value);
  else throw patchRejectedError();
}

function replace(target: Target, value: unknown): void {
  const { container, key } = target;
  if (!Array.isArray(container)) return add(target, value);
  const index = position(container, key, container.length);
  if (index < 0) throw patchRejectedError();
  container[index] = value;
}

function remove(target: Target): void {
  const { container, key } = target;
  if (!exists(target) || key === '') throw patchRejectedError();
  if (Array.isArray(container)) container.splice(position(container, key, container.length), 1);
  else if (isJsonObject(container)) delete (container as MutableJson)[key];
}
