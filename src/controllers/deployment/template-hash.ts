// The value of the pod-template-hash label: stable for equal templates, whatever the order of keys.
import type { PodTemplateSpec } from '#api/generated/types.ts';

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

/** FNV-1a, 32 bits. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash >>> 0;
}

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
/** Letters that spell no words, as k8s.io/apimachinery rand.SafeEncodeString. */
export const safeText = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => alphabet[byte % alphabet.length]).join('');

export const templateHash = (template: PodTemplateSpec, collisionCount: number | undefined): string =>
  safeText(String(fnv32a(`${canonicalText(template)}${collisionCount ?? ''}`)));
