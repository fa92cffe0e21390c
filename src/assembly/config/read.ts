// Collects raw values: default < file < environment < flags. Knows keys and types, not meanings (check.ts does).
import { messageOf } from '#base/errors.ts';
import { parseConfigurationFile, type FileValues } from './file.ts';
import { chooseFiles, type ChosenFiles, type FileAccess } from './files.ts';
import { addValue, unknownName, wrongType } from './entries.ts';
import { aliasesByPath, configurationKeys, keysByPath, type RawConfiguration, type RawEntry } from './keys.ts';
import { keyAliases } from './keys/aliases.ts';
import type { ConfigurationProblem } from './problems.ts';
import { typedText } from './typed.ts';

export interface ConfigurationFlags {
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly auditLogDir?: string | undefined;
  readonly datastore?: string | undefined;
  readonly roles?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly verbosity?: string | undefined;
}

export interface ConfigurationSources extends FileAccess {
  readonly flags: ConfigurationFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
}

export interface ReadConfiguration {
  readonly raw: RawConfiguration;
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
  /** A file could not be read: what else seems wrong may follow from that. */
  readonly incomplete: boolean;
  readonly files: ChosenFiles;
}

export async function readConfiguration(sources: ConfigurationSources): Promise<ReadConfiguration> {
  const values = new Map<string, RawEntry>();
  const problems: ConfigurationProblem[] = [];
  const warnings: string[] = [];
  const files = await chooseFiles(
    sources,
    sources.homeDirectory,
    sources.flags.config ?? sources.environment['MICROSHIFT_CONFIGFILE'] ?? '',
  );
  problems.push(...files.problems);
  let incomplete = files.problems.length > 0;
  for (const file of files.files) {
    let parsed: FileValues;
    try {
      parsed = await parseConfigurationFile(file, (await sources.readText(file)) ?? '');
    } catch (error) {
      incomplete = true;
      problems.push({
        key: '',
        source: file,
        message: `The configuration file ${file} cannot be read: ${messageOf(error)}.`,
        remedy: 'Make it readable for this user, or name another file with --config.',
      });
      continue;
    }
    incomplete ||= parsed.broken;
    problems.push(...parsed.problems);
    warnings.push(...parsed.warnings);
    for (const path of parsed.reset)
      for (const known of values.keys()) if (known === path || known.startsWith(`${path}.`)) values.delete(known);
    for (const [path, entry] of parsed.values) values.set(path, entry);
  }
  addEnvironment(values, problems, sources.environment);
  addFlags(values, problems, sources.flags);
  return { raw: values, problems, warnings, incomplete, files };
}

/** Set for other programs: the installer, or by Kubernetes for a Service that is called microshift. */
const foreignVariable = /^MICROSHIFT_(CONFIGFILE|URL|WAIT_TIMEOUT_SEC|SERVICE_(HOST|PORT.*)|PORT(_.*)?)$/;

function addEnvironment(
  values: Map<string, RawEntry>,
  problems: ConfigurationProblem[],
  environment: ConfigurationSources['environment'],
): void {
  const rows = [...configurationKeys, ...keyAliases];
  const byVariable = new Map(rows.map((row) => [row.variable, row]));
  for (const [variable, text] of Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!variable.startsWith('MICROSHIFT_') || text === undefined || text === '') continue;
    if (foreignVariable.test(variable)) continue;
    const row = byVariable.get(variable);
    if (row === undefined) problems.push(unknownName(variable, 'the environment', text, [...byVariable.keys()]));
    else addText(values, problems, row.path, text, variable);
  }
}

function addFlags(values: Map<string, RawEntry>, problems: ConfigurationProblem[], flags: ConfigurationFlags): void {
  const add = (path: string, flag: string, text: string | undefined) => {
    if (text !== undefined) addText(values, problems, path, text, flag);
  };
  add('dataDir', '--data-dir', flags.dataDir);
  add('auditLogDir', '--audit-log-dir', flags.auditLogDir);
  add('datastore.endpoint', '--datastore', flags.datastore);
  add('roles', '--roles', flags.roles);
  add('node.kubeconfig', '--kubeconfig', flags.kubeconfig);
  add('logVLevel', '-v', flags.verbosity);
}

function addText(
  values: Map<string, RawEntry>,
  problems: ConfigurationProblem[],
  path: string,
  text: string,
  source: string,
): void {
  const row = keysByPath.get(path) ?? aliasesByPath.get(path)!;
  const typed = typedText(row, text);
  if ('says' in typed) problems.push(wrongType(path, source, typed.says, typed.remedy));
  else addValue(values, problems, path, typed.value, source);
}
