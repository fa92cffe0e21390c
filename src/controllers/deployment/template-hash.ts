// The value of the pod-template-hash label, and texts of templates that are the same for equal ones.
import type { PodTemplateSpec } from '#api/generated/types.ts';
import { dumpOfTemplate } from './go-dump.ts';

/** Keys sorted; absent and null the same. */
export const canonicalText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .filter(([, member]) => member !== undefined && member !== null)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`)
      .join(',')}}`;
  return JSON.stringify(value ?? null);
};

const offset = 0x811c9dc5;
const prime = 0x01000193;

/** FNV-1a, 32 bits. */
export function fnv32a(bytes: Uint8Array): number {
  let hash = offset;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, prime) >>> 0;
  return hash >>> 0;
}

/** FNV-1, 32 bits. */
export function fnv32(bytes: Uint8Array): number {
  let hash = offset;
  for (const byte of bytes) hash = (Math.imul(hash, prime) ^ byte) >>> 0;
  return hash;
}

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
/** Letters that spell no words, as k8s.io/apimachinery rand.SafeEncodeString. */
export const safeText = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => alphabet[byte % alphabet.length]).join('');

/** As upstream's ComputeHash, of a template in the form in which it is stored. */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  const dump = Buffer.from(dumpOfTemplate(template as unknown as Readonly<Record<string, unknown>>));
  // Eight bytes for a number of four.
  const probe = Buffer.alloc(collisionCount === undefined ? 0 : 8);
  if (collisionCount !== undefined) probe.writeUInt32LE(collisionCount >>> 0);
  return safeText(String(fnv32a(Buffer.concat([dump, probe]))));
}
