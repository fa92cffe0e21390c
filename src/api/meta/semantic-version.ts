// Versions as semver.org 2.0.0 has them: read strictly, and in their order.

export interface SemanticVersion {
  readonly numbers: readonly [major: number, minor: number, patch: number];
  /** Identifiers before the release, `alpha.1`; none: a release. */
  readonly before: readonly string[];
}

const number = '(0|[1-9]\\d*)';
const preRelease = '(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const build = '[0-9a-zA-Z-]+';
const form = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-(${preRelease}(?:\\.${preRelease})*))?(?:\\+${build}(?:\\.${build})*)?$`,
);

const bytesMax = 1_000;

/** Undefined: it is none. */
export function semanticVersion(text: string): SemanticVersion | undefined {
  const match = text.length > bytesMax ? null : form.exec(text);
  if (match === null) return undefined;
  return {
    numbers: [Number(match[1]), Number(match[2]), Number(match[3])],
    before: match[4]?.split('.') ?? [],
  };
}

function compareIdentifiers(a: string, b: string): number {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) return Number(a) - Number(b);
  if (left !== right) return left ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

export function compareVersions(a: SemanticVersion, b: SemanticVersion): number {
  for (const index of [0, 1, 2] as const)
    if (a.numbers[index] !== b.numbers[index]) return a.numbers[index] - b.numbers[index];
  if (a.before.length === 0 || b.before.length === 0) return b.before.length - a.before.length;
  for (const [index, one] of a.before.entries()) {
    const other = b.before[index];
    if (other === undefined) return 1;
    const order = compareIdentifiers(one, other);
    if (order !== 0) return order;
  }
  return a.before.length - b.before.length;
}
