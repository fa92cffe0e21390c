// The completion scripts in the shells themselves: sourced, then asked as a person does with the tab key.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { Command } from 'commander';
import { completedValue, completionScript, shells } from './completion.ts';
import { createProgram } from './program.ts';

const program = createProgram(() => {});
const directory = mkdtempSync(path.join(tmpdir(), 'completion-'));
after(() => rmSync(directory, { recursive: true }));
mkdirSync(path.join(directory, 'some directory'));
writeFileSync(path.join(directory, 'some file.yaml'), '');
for (const shell of shells) writeFileSync(path.join(directory, `${shell}.sh`), completionScript(program, shell));

const run = (command: string, args: readonly string[]) => {
  const result = spawnSync(command, args, { cwd: directory, encoding: 'utf8', timeout: 20_000 });
  assert.equal(result.status, 0, `${command}: ${result.error?.message ?? ''}${result.stderr}`);
  return result.stdout;
};

/** What is typed, its last word unfinished; the words that are offered. */
const cases: readonly (readonly [typed: string, offered: readonly string[]])[] = [
  ['microshift st', ['status']],
  ['microshift kubeconfig ', ['merge', 'remove']],
  ['microshift kubeconfig me', ['merge']],
  ['microshift run --ro', ['--roles']],
  ['microshift run --roles control', ['controlplane', 'controlplane,node']],
  ['microshift run --data-dir kubeconfig --au', ['--audit-log-dir']],
  ['microshift show-config --mode ', ['default', 'effective']],
  ['microshift show-config -o js', ['json']],
  ['microshift status -o ', ['json']],
  ['microshift completion ', ['bash', 'fish', 'zsh']],
  ['microshift wait --timeout ', []],
];

test('bash completes commands, options, and their values', () => {
  const ask = (typed: string): string[] => {
    // As readline splits it.
    const words = typed.split(' ').map((word) => `'${word}'`);
    const script = `source ./bash.sh
read -r -a how < <(complete -p microshift)
COMP_WORDS=(${words.join(' ')}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1))
compopt() { :; }
"\${how[2]}" && printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run('bash', ['--norc', '-c', script])
      .split('\n')
      .filter((line) => line !== '')
      .toSorted();
  };
  for (const [typed, offered] of cases) assert.deepEqual(ask(typed), offered, typed);
  assert.deepEqual(ask('microshift run --data-dir som'), ['some directory']);
  assert.deepEqual(ask('microshift run --config som'), ['some directory', 'some file.yaml']);
  assert.deepEqual(ask('microshift show-config --mode = eff'), ['effective']);
});

test('fish completes commands, options, and their values', () => {
  const ask = (typed: string): string[] =>
    run('fish', ['--no-config', '-c', `source ./fish.sh; complete -C ${JSON.stringify(typed)}`])
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t')[0]!)
      .toSorted();
  for (const [typed, offered] of cases) assert.deepEqual(ask(typed), offered, typed);
  assert.deepEqual(ask('microshift run --data-dir som'), ['some directory/']);
  assert.deepEqual(ask('microshift run --config some\\ f'), ['some file.yaml']);
});

test('zsh completes what is typed when the tab key is pressed', () => {
  // Unambiguous ones: what is on the line then.
  const lines: readonly (readonly [typed: string, line: string])[] = [
    ...cases
      .filter(([, offered]) => offered.length === 1)
      .map(([typed, offered]) => [typed, `${typed.slice(0, typed.lastIndexOf(' ') + 1)}${offered[0]}`] as const),
    ['microshift run --data-dir som', 'microshift run --data-dir some\\ directory'],
    ['microshift show-config --mode=eff', 'microshift show-config --mode=effective'],
  ];
  const script = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; unsetopt zle_bracketed_paste; zle_highlight=(none); autoload -Uz compinit; compinit -u -D; source ./zsh.sh; print REA''DY"
zpty -r shell out '*READY*'
${lines
  .map(
    ([typed, line]) => `zpty -w -n shell ${JSON.stringify(typed)}$'\\t\\t'
zpty -r shell out ${JSON.stringify(`*${line.replaceAll('\\', '\\\\')}*`)} || exit 3
print -r -- ok
zpty -w -n shell $'\\x15'`,
  )
  .join('\n')}
zpty -d shell`;
  assert.equal(run('zsh', ['-f', '-c', script]).trim().split('\n').length, lines.length);
});

test('every option that takes a value says what may stand there', () => {
  const look = (command: Command, at: string): void => {
    for (const option of command.options)
      if (option.required || option.optional)
        assert.notEqual(completedValue(at, option.long ?? ''), undefined, `${at} ${option.flags}`);
    for (const one of command.commands) look(one, `${at} ${one.name()}`.trim());
  };
  look(program, '');
});

test('another shell is refused with those that there are', () => {
  assert.throws(() => completionScript(program, 'powershell'), /"powershell" is not known/);
});
