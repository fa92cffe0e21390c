// The completion scripts of three shells, from one description of the commands. They ask nobody: no process is started for a
// key press. What they share: words up to the cursor give the command; an option that takes a value swallows the next word.

export type CompletedValue =
  | { readonly type: 'words'; readonly words: readonly string[] }
  | { readonly type: 'file' | 'directory' | 'anything' };

export interface CompletedCommand {
  /** `run`, `kubeconfig merge`, or empty. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly {
    readonly names: readonly string[];
    readonly description: string;
    /** Undefined: it takes none. */
    readonly value: CompletedValue | undefined;
  }[];
  readonly argument: CompletedValue | undefined;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const optionsOf = (command: CompletedCommand): readonly string[] => command.options.flatMap((one) => one.names);
/** `run:--config`, for each option that takes a value. */
const valuePatterns = (commands: readonly CompletedCommand[]): readonly (readonly [string, CompletedValue])[] =>
  commands.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === undefined ? [] : names.map((name) => [`${path}:${name}`, value] as const),
    ),
  );

export function bashScript(commands: readonly CompletedCommand[]): string {
  const words = (list: readonly string[]): string =>
    `mapfile -t COMPREPLY < <(compgen -W ${quoted(list.join(' '))} -- "$word")`;
  const value = (one: CompletedValue): string => {
    switch (one.type) {
      case 'words':
        return words(one.words);
      case 'file':
        return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word")';
      case 'directory':
        return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word")';
      case 'anything':
        return ':';
    }
  };
  const patterns = valuePatterns(commands);
  return `# microshift: completion for bash. source <(microshift completion bash)
_microshift() {
  local word="\${COMP_WORDS[COMP_CWORD]}" given="" option="" one i
  for ((i = 1; i < COMP_CWORD; i++)); do
    one="\${COMP_WORDS[i]}"
    if [ -n "$option" ]; then
      # bash splits --option=value at the sign.
      [ "$one" = "=" ] || option=""
      continue
    fi
    case "$given:$one" in
      ${patterns.map(([pattern]) => quoted(pattern)).join(' | ')}) option="$one" ;;
      *:-* | *:=) ;;
      *) given="\${given:+$given }$one" ;;
    esac
  done
  [ "$word" = "=" ] && word=""
  COMPREPLY=()
  if [ -n "$option" ]; then
    case "$given:$option" in
${patterns.map(([pattern, one]) => `      ${quoted(pattern)}) ${value(one)} ;;`).join('\n')}
    esac
    return
  fi
  case "$given" in
${commands
  .map((one) => {
    const first =
      one.commands.length > 0
        ? words(one.commands.map(({ name }) => name))
        : value(one.argument ?? { type: 'words', words: optionsOf(one) });
    return `    ${quoted(one.path)}) if [[ "$word" == -* ]]; then ${words(optionsOf(one))}; else ${first}; fi ;;`;
  })
  .join('\n')}
  esac
}
complete -F _microshift microshift
`;
}

export function zshScript(commands: readonly CompletedCommand[]): string {
  const value = (one: CompletedValue): string => {
    switch (one.type) {
      case 'words':
        return `compadd -- ${one.words.map(quoted).join(' ')}`;
      case 'file':
        return '_files';
      case 'directory':
        return '_files -/';
      case 'anything':
        return ':';
    }
  };
  const patterns = valuePatterns(commands);
  return `#compdef microshift
# microshift: completion for zsh. source <(microshift completion zsh)
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_microshift() {
  local word="$words[CURRENT]" given="" option="" one i
  for ((i = 2; i < CURRENT; i++)); do
    one="$words[i]"
    if [[ -n "$option" ]]; then
      option=""
      continue
    fi
    case "$given:$one" in
      ${patterns.map(([pattern]) => quoted(pattern)).join(' | ')}) option="$one" ;;
      *:-*) ;;
      *) given="\${given:+$given }$one" ;;
    esac
  done
  if [[ -z "$option" && "$word" == --*=* ]]; then
    option="\${word%%=*}"
    compset -P '*='
  fi
  if [[ -n "$option" ]]; then
    case "$given:$option" in
${patterns.map(([pattern, one]) => `      ${quoted(pattern)}) ${value(one)} ;;`).join('\n')}
    esac
    return
  fi
  case "$given" in
${commands
  .map((one) => {
    const options = `compadd -- ${optionsOf(one).map(quoted).join(' ')}`;
    const first =
      one.commands.length > 0
        ? `compadd -- ${one.commands.map(({ name }) => quoted(name)).join(' ')}`
        : one.argument === undefined
          ? options
          : value(one.argument);
    return `    ${quoted(one.path)}) if [[ "$word" == -* ]]; then ${options}; else ${first}; fi ;;`;
  })
  .join('\n')}
  esac
}
compdef _microshift microshift
`;
}

export function fishScript(commands: readonly CompletedCommand[]): string {
  const described = (text: string): string => `-d ${fishQuoted(text)}`;
  const value = (one: CompletedValue): string => {
    switch (one.type) {
      case 'words':
        return `-x -a ${fishQuoted(one.words.join(' '))}`;
      case 'file':
        return '-r -F';
      case 'directory':
        return `-x -a '(__fish_complete_directories)'`;
      case 'anything':
        return '-x';
    }
  };
  const flag = (name: string): string => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`);
  const taking = [...new Set(valuePatterns(commands).map(([pattern]) => pattern.split(':')[1]!))];
  const at = (path: string): string => `complete -c microshift -n ${fishQuoted(`__microshift_at ${path}`.trim())}`;
  return `# microshift: completion for fish. microshift completion fish | source
function __microshift_at
  set -l given
  set -l swallow 0
  for one in (commandline -opc)[2..-1]
    if test $swallow = 1
      set swallow 0
      continue
    end
    switch $one
      case ${taking.map(fishQuoted).join(' ')}
        set swallow 1
      case '-*'
      case '*'
        set -a given $one
    end
  end
  test "$given" = "$argv"
end
complete -c microshift -e
complete -c microshift -f
${commands
  .flatMap((command) => [
    ...command.commands.map((one) => `${at(command.path)} -a ${one.name} ${described(one.description)}`),
    ...(command.argument === undefined ? [] : [`${at(command.path)} ${value(command.argument)}`]),
    ...command.options.map(
      (one) =>
        `${at(command.path)} ${one.names.map(flag).join(' ')} ${one.value === undefined ? '' : `${value(one.value)} `}${described(one.description)}`,
    ),
  ])
  .join('\n')}
`;
}

const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
