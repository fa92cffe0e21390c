// `microshift completion`: scripts made from the commands' own declarations.
import type { Command } from 'commander';
import { UsageError } from './command.ts';
import { bashScript, fishScript, zshScript, type CompletedCommand, type CompletedValue } from './completion-scripts.ts';

const anything: CompletedValue = { type: 'anything' };
const words = (...list: readonly string[]): CompletedValue => ({ type: 'words', words: list });
export const shells = ['bash', 'zsh', 'fish'] as const;

/** What may stand behind an option or as an argument: of the command that is named, else of every command. */
const values: Readonly<Record<string, CompletedValue>> = {
  '--config': { type: 'file' },
  '--data-dir': { type: 'directory' },
  '--audit-log-dir': { type: 'directory' },
  '--datastore': anything,
  '--roles': words('controlplane', 'node', 'controlplane,node'),
  '--v': words('0', '2', '4', '6', '10'),
  '--kubeconfig': { type: 'file' },
  '--server': anything,
  '--timeout': anything,
  'simulate --seed': anything,
  'simulate --seeds': anything,
  'simulate --steps': anything,
  'simulate --only': anything,
  '--into': { type: 'file' },
  '--from': { type: 'file' },
  'datastore copy --from': anything,
  'datastore copy --to': anything,
  'show-config --mode': words('default', 'effective'),
  'show-config --output': words('yaml', 'json'),
  'version --output': words('yaml', 'json'),
  'status --output': words('json'),
  'encryption status --output': words('json'),
  'backup --output': words('json'),
  'add-node --output': { type: 'file' },
  'add-node name': anything,
  'simulate --nodes': anything,
  'simulate --pods': anything,
  'simulate --pod-start-ms': anything,
  'simulate --lease-seconds': anything,
  'simulate --time': words('real', 'virtual'),
  'add-node --hours': anything,
  'completion shell': words(...shells),
};

/** Undefined: nobody said what may stand there. */
export function completedValue(path: string, name: string): CompletedValue | undefined {
  return values[`${path} ${name}`] ?? values[name];
}

function collect(command: Command, path: string): CompletedCommand[] {
  const own: CompletedCommand = {
    path,
    commands: command.commands.map((one) => ({ name: one.name(), description: one.description() })),
    options: [
      ...command.options.map((one) => ({
        names: [one.short, one.long].filter((name) => name !== undefined && name !== null),
        description: one.description,
        value: one.required || one.optional ? (completedValue(path, one.long ?? '') ?? anything) : undefined,
      })),
      { names: ['-h', '--help'], description: 'display help for command', value: undefined },
    ],
    argument: command.registeredArguments.map((one) => completedValue(path, one.name()) ?? anything)[0],
  };
  return [own, ...command.commands.flatMap((one) => collect(one, path === '' ? one.name() : `${path} ${one.name()}`))];
}

export function completionScript(program: Command, shell: string): string {
  const commands = collect(program, '');
  switch (shell) {
    case 'bash':
      return bashScript(commands);
    case 'zsh':
      return zshScript(commands);
    case 'fish':
      return fishScript(commands);
    default:
      throw new UsageError(`The shell ${JSON.stringify(shell)} is not known.`, `Shells are ${shells.join(', ')}.`);
  }
}

export const completion = (program: Command, shell: string): void =>
  void process.stdout.write(completionScript(program, shell));
