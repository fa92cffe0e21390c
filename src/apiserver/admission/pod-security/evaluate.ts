// A Pod against one standard: every check of its level and version, in upstream's order. Pure.
import type { ObjectMeta, PodSpec } from '#api/generated/types.ts';
import { baselineChecks } from './baseline.ts';
import type { StandardCheck, VersionedCheck, Violation } from './check.ts';
import type { Standard } from './policy.ts';
import { restrictedChecks } from './restricted.ts';

const all: readonly StandardCheck[] = [...baselineChecks, ...restrictedChecks];
/** Of the newest rule; later versions are the same. */
const newest = Math.max(...all.flatMap((check) => check.versions.map((version) => version.since)));

const checksByStandard = new Map<string, readonly VersionedCheck[]>();

function checksOf({ level, version }: Standard): readonly VersionedCheck[] {
  if (level === 'privileged') return [];
  const minor = version === 'latest' ? newest : Math.min(version, newest);
  const key = `${level} ${minor}`;
  let found = checksByStandard.get(key);
  if (found === undefined) {
    const chosen = all
      .filter((check) => level === 'restricted' || check.level === 'baseline')
      .flatMap((check) => {
        const last = check.versions.findLast((one) => one.since <= minor);
        return last === undefined ? [] : [{ id: check.id, ...last }];
      });
    const overridden = new Set(chosen.flatMap((check) => check.overrides ?? []));
    found = chosen.filter((check) => !overridden.has(check.id));
    checksByStandard.set(key, found);
  }
  return found;
}

/** Nothing: the Pod meets the standard. */
export const violationsOf = (standard: Standard, metadata: ObjectMeta, spec: PodSpec): readonly Violation[] =>
  checksOf(standard).flatMap((one) => one.check(spec, metadata) ?? []);

export const reasonsText = (violations: readonly Violation[]): string => violations.map((one) => one.reason).join(', ');
export const detailsText = (violations: readonly Violation[]): string =>
  violations.map((one) => (one.detail === '' ? one.reason : `${one.reason} (${one.detail})`)).join(', ');
