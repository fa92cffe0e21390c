// Randomness as a parameter: the system's in the product, a seed's in simulation.
import { randomBytes, randomUUID } from 'node:crypto';

export interface Random {
  /** `count` random bytes. */
  bytes(count: number): Uint8Array;
  /** RFC 9562 version 4. Absent: made of bytes. */
  uuid?(): string;
}

/** Bytes asked of the system at a time, and up to how many are taken from them: every request over the network gets a uuid. */
const poolBytes = 4_096;
const pooledBytesMax = 32;

function pooledRandom(): Random {
  let pool = new Uint8Array(0);
  let used = 0;
  return {
    uuid: () => randomUUID(),
    bytes(count) {
      if (count > pooledBytesMax) return randomBytes(count);
      if (used + count > pool.length) {
        pool = randomBytes(poolBytes);
        used = 0;
      }
      const end = used + count;
      const taken = new Uint8Array(pool.subarray(used, end));
      // What was given out is nowhere else.
      pool.fill(0, used, end);
      used = end;
      return taken;
    },
  };
}

export const systemRandom: Random = pooledRandom();

/** Deterministic (mulberry32); not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff) };
}

/** A number in [0, 1). */
export function fraction(random: Random): number {
  const bytes = random.bytes(4);
  return (bytes[0]! * 2 ** 24 + bytes[1]! * 2 ** 16 + bytes[2]! * 2 ** 8 + bytes[3]!) / 2 ** 32;
}

/** RFC 9562 version 4. */
export function uuid(random: Random): string {
  if (random.uuid !== undefined) return random.uuid();
  const bytes = random.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Upstream's alphabet for generated names: no vowels, no look-alikes. */
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
export function nameSuffix(random: Random, length = 5): string {
  return Array.from(random.bytes(length), (byte) => nameAlphabet[byte % nameAlphabet.length]).join('');
}
