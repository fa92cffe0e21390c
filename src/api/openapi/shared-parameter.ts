// OpenAPI v2: parameters that do not depend on the kind stand once in the document, under upstream's names, which carry a hash.
import type { Schema } from './schemas.ts';
import { escapedJson } from './go-json.ts';

const prime = 0x1_00_00_00_01_b3n;
const basis = 0xcb_f2_9c_e4_84_22_23_25n;

/** FNV-1 of 64 bits. */
function fnv1(text: string): Buffer {
  let hash = basis;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, hash * prime) ^ BigInt(byte);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(hash);
  return bytes;
}

/** Clients look for these where they are used; names and bodies of a kind are that kind's. */
function isShared(parameter: Schema): boolean {
  const { name, in: place, schema } = parameter as { name: string; in: string; schema?: { $ref?: string } };
  if (name === 'name' || (place === 'query' && (name === 'fieldValidation' || name === 'dryRun'))) return false;
  return schema?.$ref === undefined || schema.$ref.startsWith('#/definitions/io.k8s.apimachinery');
}

/** The shared parameters of one document, collected while it is written. */
export class SharedParameters {
  private readonly names = new Map<string, string>();
  private readonly found = new Map<string, Schema>();

  /** The parameter, or a reference to it. */
  use(parameter: Schema): Schema {
    if (!isShared(parameter)) return parameter;
    const text = escapedJson(parameter);
    let name = this.names.get(text);
    if (name === undefined) {
      const hash = fnv1(text).subarray(0, 6).toString('base64url');
      name = `${String(parameter['name'])}-${hash}`;
      this.names.set(text, name);
      this.found.set(name, parameter);
    }
    return { $ref: `#/parameters/${name}` };
  }

  all(): Schema {
    return Object.fromEntries([...this.found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}
