// Objects in CBOR (application/cbor) to the same plain JSON values that a JSON body gives; decodeObject goes on from there.
import { typeFacts, type ValueType } from '../schema/type-table.ts';
import { notRegistered } from '../schema/unrecognized.ts';
import { protobufTypeName } from '../protobuf/numbers.ts';
import { diagnose } from './diagnose.ts';
import type { Problem } from './problems.ts';
import { CborError } from './reader.ts';
import type { Node } from './untyped-decoder.ts';
import { CborDecoder, type StructTarget } from './value-decoder.ts';

export { CborError } from './reader.ts';

const text: ValueType = { kind: 'scalar', scalar: 'string', goType: 'string' };
const typeMeta: StructTarget = {
  kind: 'struct',
  goType: 'v1.TypeMeta',
  byName: new Map(['kind', 'apiVersion'].map((name) => [name, { name, pointer: false, type: text }])),
};

/** What a body should be. */
export interface CborTarget {
  readonly apiVersion: string;
  readonly kind: string;
  /** No type of the table: a custom resource. */
  readonly isCustom: boolean;
  /** Of kinds that the table of protobuf does not name. */
  readonly typeName?: string | undefined;
}

export interface DecodedCbor {
  readonly value: unknown;
  /** Keys that the type has no field for; at most one is told. */
  readonly unknown: readonly string[];
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What the object says it is, filled up with what it should be. */
function claimedOf(bytes: Uint8Array, target: CborTarget): { readonly apiVersion: string; readonly kind: string } {
  let found: { readonly value: Node; readonly problem: Problem | undefined };
  const refused = (why: string): CborError => new CborError(`unable to determine group/version/kind: ${why}`);
  try {
    found = new CborDecoder(bytes, false).struct(typeMeta);
  } catch (error) {
    throw error instanceof CborError ? refused(error.message) : error;
  }
  if (found.problem !== undefined) throw refused(found.problem.text());
  const said = textOf(found.value['apiVersion']);
  const apiVersion = said === '' || said.split('/').length > 2 ? target.apiVersion : said;
  return { apiVersion, kind: textOf(found.value['kind']) || target.kind };
}

/** Throws CborError. */
export function decodeCborMap(bytes: Uint8Array): Node | undefined {
  const { value, problem } = new CborDecoder(bytes, true).anyMap();
  if (problem !== undefined) throw new CborError(problem.text());
  return value;
}

function decodeCustom(bytes: Uint8Array, target: CborTarget): Node {
  let value: Node;
  try {
    value = decodeCborMap(bytes) ?? {};
  } catch (error) {
    throw error instanceof CborError ? new CborError(error.message, claimedOf(bytes, target)) : error;
  }
  const [kind, apiVersion] = [textOf(value['kind']), textOf(value['apiVersion'])];
  if (kind === '') throw new CborError(`Object 'Kind' is missing in '${diagnose(bytes)}'`);
  if (apiVersion === '')
    throw new CborError(`Object 'apiVersion' is missing in '${diagnose(bytes)}'`, { apiVersion, kind });
  return value;
}

/** `isStrict`: keys without a field are told. Throws CborError. */
export function decodeCbor(bytes: Uint8Array, target: CborTarget, isStrict: boolean): DecodedCbor {
  if (target.isCustom) return { value: decodeCustom(bytes, target), unknown: [] };
  const claimed = claimedOf(bytes, target);
  const isTarget = claimed.kind === target.kind && claimed.apiVersion === target.apiVersion;
  const typeName = protobufTypeName(claimed.apiVersion, claimed.kind) ?? (isTarget ? target.typeName : undefined);
  if (typeName === undefined) throw new CborError(notRegistered(claimed.apiVersion, claimed.kind), claimed);
  const struct = typeFacts(typeName);
  let found = new CborDecoder(bytes, isStrict).struct(struct);
  const unknown = found.problem?.isUnknownField === true ? [found.problem.text()] : [];
  if (unknown.length > 0) found = new CborDecoder(bytes, false).struct(struct);
  if (found.problem !== undefined) throw new CborError(found.problem.text(), claimed);
  return { value: { ...found.value, ...claimed }, unknown };
}
