// Versions of a custom resource in Kubernetes' order (GA before beta before alpha, newer first), and who is told that one
// is deprecated.
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../generated/types.ts';

function rankOf(version: string): readonly number[] | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return undefined;
  return [match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0, Number(match[1]), Number(match[3] ?? 0)];
}

/** Positive: `one` comes first. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [rankOf(one), rankOf(other)];
  if (left === undefined || right === undefined)
    return left === right ? (one < other ? 1 : one > other ? -1 : 0) : left === undefined ? -1 : 1;
  for (let index = 0; index < left.length; index++)
    if (left[index] !== right[index]) return left[index]! - right[index]!;
  return 0;
}

export function deprecationWarning(
  { spec }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
): readonly string[] {
  if (version.deprecated !== true) return [];
  if (version.deprecationWarning !== undefined) return [version.deprecationWarning];
  const text = `${spec.group}/${version.name} ${spec.names.kind} is deprecated`;
  const better = spec.versions
    .filter((one) => one.served && one.deprecated !== true && compareVersions(one.name, version.name) > 0)
    .map((one) => one.name)
    .toSorted((a, b) => compareVersions(b, a));
  return [better.length === 0 ? text : `${text}; use ${spec.group}/${better[0]} ${spec.names.kind}`];
}
