// Runs the commands of commands.txt, one after the other, with the real kubectl against one API server, and makes their answers
// comparable: what differs from run to run (identities, times, addresses) is replaced by words.
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { run, succeedNow } from '#kit/machine/command.ts';

export interface Answer {
  readonly command: string;
  /** Both outputs, the second behind the first; a last line `exit N` when it failed. */
  readonly text: string;
}

const folder = import.meta.dirname;
export const goldenFile = path.join(folder, 'answers.txt');

const replacements: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UID'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'],
  [/\w{3}, \d\d \w{3} \d{4} [\d:]{8} [+-]\d{4}/g, 'DATE'],
  [/(resourceVersion"?: ?|Resource Version: +)"?\d+"?/gi, '$1REVISION'],
  [/\b10\.(43|96)\.\d+\.\d+\b/g, 'CLUSTER-IP'],
  [/\b(\d+m)?\d+s\b/g, 'AGE'],
  [/(nodePort"?: |NodePort: .*|:)3[0-2]\d{3}\b/g, '$1NODE-PORT'],
  [/web-[0-9a-f]{7,10}\b/g, 'web-HASH'],
  [/\bsystem:admin\b/g, 'admin'],
  [/https:\/\/127\.0\.0\.1:\d+/g, 'SERVER'],
  [/"1\.36\.\d+[^"]*"|"v1\.36\.\d+[^"]*"/g, '"VERSION"'],
  // Columns and describe's tabulators follow the longest word, which is one of the above.
  [/[ \t]{2,}/g, '  '],
  [/-{3,}/g, '---'],
];

const comparable = (text: string): string =>
  replacements.reduce((changed, [from, to]) => changed.replaceAll(from, to), text).replaceAll(/[ \t]+$/gm, '');

/** `# ...` lines are headings. */
const commands = (): string[] =>
  readFileSync(path.join(folder, 'commands.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '');

/** `directory`: of this run's own; `kubectl`: the folder of the executable. */
export async function* session(options: {
  readonly directory: string;
  readonly kubectl: string;
  readonly kubeconfig: string;
}): AsyncGenerator<Answer> {
  const { directory } = options;
  mkdirSync(directory, { recursive: true });
  cpSync(path.join(folder, 'manifests'), directory, { recursive: true });
  cpSync(options.kubeconfig, path.join(directory, 'kubeconfig'));
  const at = (name: string): string => path.join(directory, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=shop-user/O=shop'];
  succeedNow(['openssl', 'req', '-x509', ...key, '-keyout', at('tls.key'), '-out', at('tls.crt'), ...subject]);
  succeedNow(['openssl', 'req', ...key, '-keyout', at('request.key'), '-out', at('request.pem'), ...subject]);
  const environment = [
    `PATH=${options.kubectl}:/usr/local/bin:/usr/bin:/bin`,
    `HOME=${directory}`,
    `KUBECONFIG=${at('kubeconfig')}`,
    'KUBECTL_EXTERNAL_DIFF=diff -u -N',
    'TZ=UTC',
    'LC_ALL=C.UTF-8',
  ];
  for (const command of commands()) {
    if (command.startsWith('#')) continue;
    const script = `cd "$1" && { ${command}; } 2>&1`;
    const { code, stdout } = await run(['env', '-i', ...environment, 'bash', '-c', script, 'bash', directory], {
      timeoutSeconds: 60,
    });
    const end = code === 0 ? '' : `exit ${code}\n`;
    yield { command, text: comparable(`${stdout}${stdout === '' || stdout.endsWith('\n') ? '' : '\n'}${end}`) };
  }
}

export const printed = (answers: readonly Answer[]): string =>
  answers.map(({ command, text }) => `$ ${command}\n${text}\n`).join('');

/** What `printed` made. */
export function readAnswers(): ReadonlyMap<string, string[]> {
  const answers = new Map<string, string[]>();
  for (const part of readFileSync(goldenFile, 'utf8').split(/^\$ /m).slice(1)) {
    const end = part.indexOf('\n');
    const command = part.slice(0, end);
    answers.set(command, [...(answers.get(command) ?? []), part.slice(end + 1, -1)]);
  }
  return answers;
}
