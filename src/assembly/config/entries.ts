// How a value of any source becomes an entry, and what is said of one that does not.
import { aliasesByPath, keysByPath, type RawEntry } from './keys.ts';
import { nearestName } from './nearest.ts';
import type { ConfigurationProblem } from './problems.ts';

/** Under the key's own name, whichever name it was given by. */
export function addValue(
  values: Map<string, RawEntry>,
  problems: ConfigurationProblem[],
  path: string,
  value: RawEntry['value'],
  source: string,
): void {
  const alias = aliasesByPath.get(path);
  if (alias === undefined) {
    values.set(path, { value, source, name: path });
    return;
  }
  const converted = alias.convert(value);
  if (typeof converted === 'object' && 'wrong' in converted)
    problems.push({
      key: path,
      source,
      message: `${path} (from ${source}) ${converted.wrong}, and is ${JSON.stringify(value)}.`,
      remedy: converted.remedy,
    });
  else values.set(alias.of, { value: converted, source, name: path });
}

export const wrongType = (path: string, source: string, says: string, remedy?: string): ConfigurationProblem => ({
  key: path,
  source,
  message: `${path} (from ${source}) ${says}.`,
  remedy:
    remedy ??
    `It says: ${keysByPath.get(path)?.meaning ?? `the same as ${aliasesByPath.get(path)?.of ?? path}`}. Correct the value, or remove it to get the default.`,
});

export function unknownName(
  name: string,
  source: string,
  value: unknown,
  known: readonly string[],
): ConfigurationProblem {
  const near = nearestName(name, known);
  const given = value === undefined ? '' : `, which is ${JSON.stringify(value)?.slice(0, 100)},`;
  return {
    key: name,
    source,
    message: `${name} (from ${source})${given} is not known.`,
    remedy: `${near === undefined ? '' : `Did you mean ${near}? `}\`microshift show-config -m default\` lists all keys.`,
  };
}
