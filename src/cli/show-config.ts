// `microshift show-config`: the configuration in the form of its file.
import { checkConfiguration } from '#assembly/config/check.ts';
import { keysByPath } from '#assembly/config/keys.ts';
import type { ShownValue } from '#assembly/config/values.ts';
import { hostIdentity } from '#host/identity.ts';
import { detectNodeAddress } from '#host/linux/addresses.ts';
import { loadHere } from './configuration.ts';
import { UsageError, type StatusFlags } from './command.ts';

interface ShowFlags extends StatusFlags {
  readonly mode: string;
}

export async function showConfig(flags: ShowFlags): Promise<void> {
  if (flags.mode !== 'default' && flags.mode !== 'effective')
    throw new UsageError(`The mode ${JSON.stringify(flags.mode)} is not known.`, 'Modes are default and effective.');
  if (flags.output !== undefined && flags.output !== 'yaml' && flags.output !== 'json')
    throw new UsageError(
      `The output format ${JSON.stringify(flags.output)} is not known.`,
      'Formats are yaml and json.',
    );
  const values = await valuesOf(flags);
  process.stdout.write(
    flags.output === 'json'
      ? `${JSON.stringify(configurationObject(values), null, 2)}\n`
      : configurationText(values, flags.mode === 'effective'),
  );
}

async function valuesOf(flags: ShowFlags): Promise<ReadonlyMap<string, ShownValue>> {
  if (flags.mode === 'default') {
    const identity = hostIdentity();
    const host = { ...identity, isRoot: true, homeDataExists: false, nodeAddress: detectNodeAddress };
    return checkConfiguration(new Map(), host).values;
  }
  const loaded = await loadHere(flags);
  if ('mistake' in loaded) throw new UsageError(loaded.mistake.message, loaded.mistake.remedy);
  return loaded.values;
}

/** For programs: by key, the value and where it came from. */
export const configurationObject = (values: ReadonlyMap<string, ShownValue>) =>
  Object.fromEntries([...values].map(([path, { value, source = 'default' }]) => [path, { value, source }]));

interface Section {
  readonly keys: string[];
  readonly sections: Map<string, Section>;
}
const newSection = (): Section => ({ keys: [], sections: new Map() });

/** Values as JSON, which is YAML; every key behind its meaning, and where asked its source. */
export function configurationText(values: ReadonlyMap<string, ShownValue>, withSource = false): string {
  const root = newSection();
  for (const path of values.keys()) {
    let section = root;
    for (const part of path.split('.').slice(0, -1)) {
      if (!section.sections.has(part)) section.sections.set(part, newSection());
      section = section.sections.get(part)!;
    }
    section.keys.push(path);
  }
  let text = '';
  const write = (section: Section, level: number): void => {
    const indent = '  '.repeat(level);
    for (const path of section.keys) {
      const { value, source = 'default' } = values.get(path)!;
      text += `${indent}# ${keysByPath.get(path)?.meaning ?? ''}\n`;
      text += `${indent}${path.split('.').at(-1)}: ${JSON.stringify(value)}${withSource ? ` # ${source}` : ''}\n`;
    }
    for (const [name, inner] of section.sections) {
      text += `${indent}${name}:\n`;
      write(inner, level + 1);
    }
  };
  write(root, 0);
  return text;
}
