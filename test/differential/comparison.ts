// Two outcomes side by side: do they agree, and if not, in what.
import type { Outcome } from './outcome.ts';

export type Aspect = 'code' | 'reason' | 'causes' | 'body';
export type SoftAspect = 'message' | 'warnings';

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The first in which they differ; later ones follow from it. */
export function differsIn(peer: Outcome, own: Outcome): Aspect | undefined {
  if (peer.code !== own.code) return 'code';
  if (peer.reason !== own.reason) return 'reason';
  if (!same(peer.causes, own.causes)) return 'causes';
  return same(peer.body, own.body) ? undefined : 'body';
}

export function differsSoftlyIn(peer: Outcome, own: Outcome): SoftAspect[] {
  const aspects: SoftAspect[] = [];
  if (peer.message !== own.message) aspects.push('message');
  if (!same(peer.warnings, own.warnings)) aspects.push('warnings');
  return aspects;
}

/** Where two bodies differ, as `path: peer | own`, at most a few. */
export function bodyDifferences(peer: unknown, own: unknown, at = '', found: string[] = []): string[] {
  if (found.length >= 8 || same(peer, own)) return found;
  const isBranch = (value: unknown): value is object => value !== null && typeof value === 'object';
  if (!isBranch(peer) || !isBranch(own) || Array.isArray(peer) !== Array.isArray(own)) {
    const text = (value: unknown): string => (JSON.stringify(value) ?? 'absent').slice(0, 160);
    found.push(`${at}: ${text(peer)} | ${text(own)}`);
    return found;
  }
  const keys = new Set([...Object.keys(peer), ...Object.keys(own)]);
  for (const key of keys)
    bodyDifferences(
      (peer as Record<string, unknown>)[key],
      (own as Record<string, unknown>)[key],
      `${at}/${key}`,
      found,
    );
  return found;
}
