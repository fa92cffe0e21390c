// `microshift show-config`: the configuration in the form of its file.
import { checkConfiguration } from '#assembly/config/check.ts';
import { configurationKeys } from '#assembly/config/keys.ts';
import { configurationValues } from '#assembly/config/load.ts';
import { OperatorError } from '#base/errors.ts';
import { hostIdentity } from '#host/identity.ts';
import { detectNodeAddress } from '#host/linux/addresses.ts';
import { loadHere } from './configuration.ts';
import type { StatusFlags } from './command.ts';

export async function showConfig(flags: StatusFlags & { readonly mode: string }): Promise<void> {
  if (flags.mode !== 'default' && flags.mode !== 'effective')
    throw new OperatorError(`The mode ${JSON.stringify(flags.mode)} is not known.`, 'Modes are default and effective.');
  process.stdout.write(configurationText(await valuesOf(flags)));
}

async function valuesOf(flags: StatusFlags & { readonly mode: string }): Promise<ReadonlyMap<string, unknown>> {
  if (flags.mode === 'default') {
    const identity = hostIdentity();
    return configurationValues(
      checkConfiguration(new Map(), {
        ...identity,
        isRoot: true,
        homeDataExists: false,
        nodeAddress: detectNodeAddress,
      }),
    );
  }
  const loaded = await loadHere(flags);
  if ('mistake' in loaded) throw loaded.mistake;
  return configurationValues(loaded.configuration);
}

/** Values as JSON, which is YAML; every key behind its meaning. */
export function configurationText(values: ReadonlyMap<string, unknown>): string {
  let text = '';
  let open: readonly string[] = [];
  // Keys of a section stand together, plain keys first: a YAML section cannot be opened twice.
  const keys = configurationKeys.toSorted((a, b) => depth(a.path) - depth(b.path) || 0);
  const sections = [...new Set(keys.map((key) => key.path.split('.').slice(0, -1).join('.')))];
  const ordered = sections
    .toSorted((a, b) => firstPart(sections, a) - firstPart(sections, b) || a.length - b.length)
    .flatMap((section) => keys.filter((key) => key.path.split('.').slice(0, -1).join('.') === section));
  for (const key of ordered) {
    const parts = key.path.split('.');
    const parents = parts.slice(0, -1);
    for (let level = 0; level < parents.length; level++) {
      if (open.length > level && parents.slice(0, level + 1).join('.') === open.slice(0, level + 1).join('.')) continue;
      text += `${'  '.repeat(level)}${parents[level]}:\n`;
    }
    open = parents;
    const indent = '  '.repeat(parents.length);
    text += `${indent}# ${key.meaning}\n${indent}${parts.at(-1)}: ${JSON.stringify(values.get(key.path))}\n`;
  }
  return text;
}
const depth = (path: string): number => path.split('.').length;
const firstPart = (sections: readonly string[], section: string): number =>
  sections.findIndex((one) => one.split('.')[0] === section.split('.')[0]);
