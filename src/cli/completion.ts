// `microshift completion`: scripts made from the commands' own declarations.
import type { Command } from 'commander';
import { OperatorError } from '#base/errors.ts';

interface Words {
  /** `run`, `kubeconfig merge`, or empty. */
  readonly path: string;
  readonly words: readonly string[];
}

function collect(command: Command, path: string): Words[] {
  const words = [
    ...command.commands.map((one) => one.name()),
    ...command.options.flatMap((one) => [one.short, one.long].filter((name) => name !== undefined)),
    '--help',
  ];
  return [
    { path, words },
    ...command.commands.flatMap((one) => collect(one, path === '' ? one.name() : `${path} ${one.name()}`)),
  ];
}

export function completionScript(program: Command, shell: string): string {
  const all = collect(program, '');
  switch (shell) {
    case 'bash':
    case 'zsh': {
      const cases = all.map(
        ({ path, words }) => `    '${path}') COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$word")) ;;`,
      );
      return [
        ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
        '_microshift() {',
        '  local word="${COMP_WORDS[COMP_CWORD]}" given="" one',
        '  for one in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        '    case "$one" in -*) break ;; *) given="${given:+$given }$one" ;; esac',
        '  done',
        '  case "$given" in',
        ...cases,
        '  esac',
        '}',
        'complete -o default -F _microshift microshift',
        '',
      ].join('\n');
    }
    case 'fish':
      return `complete -c microshift -f\n${all
        .flatMap(({ path, words }) =>
          words
            .filter((word) => !word.startsWith('-'))
            .map(
              (word) =>
                `complete -c microshift -n '${path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path}`}' -a ${word}`,
            ),
        )
        .join('\n')}\n`;
    default:
      throw new OperatorError(`The shell ${JSON.stringify(shell)} is not known.`, 'Shells are bash, zsh and fish.');
  }
}

export const completion = (program: Command, shell: string): void =>
  void process.stdout.write(completionScript(program, shell));
