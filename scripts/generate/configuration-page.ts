// The tables of docs/how-to/configure.md, from the table of configuration keys.
import { configurationKeys } from '../../src/assembly/config/keys.ts';
import { absentKeys } from '../../src/assembly/config/keys/absent.ts';
import { keyAliases } from '../../src/assembly/config/keys/aliases.ts';
import type { ConfigurationKey } from '../../src/assembly/config/keys/key.ts';

const begin = '<!-- generated from src/assembly/config/keys: npm run generate -->';
const end = '<!-- end of what is generated -->';

/** The page with its tables as they should be. */
export function configurationPage(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error('configure.md has lost the marks around its tables');
  return `${page.slice(0, from + begin.length)}\n\n${tables()}\n${page.slice(to)}`;
}

const sections: readonly (readonly [title: string, belongs: (path: string) => boolean])[] = [
  ['The process and this machine', (path) => !path.includes('.')],
  ['Cluster', (path) => /^(cluster|dns|datastore|backup|storage|manifests)\./.test(path)],
  ['API server', (path) => path.startsWith('apiServer.')],
  ['Router', (path) => path.startsWith('ingress.')],
  ['Node', (path) => /^(node|kubelet)\./.test(path)],
];

function tables(): string {
  const known = configurationKeys.filter((key) => key.change !== 'missing');
  const pending = configurationKeys.filter((key) => key.change === 'missing');
  const unplaced = configurationKeys.find((key) => !sections.some(([, belongs]) => belongs(key.path)));
  if (unplaced !== undefined) throw new Error(`${unplaced.path} belongs to no section of configure.md`);
  return [
    ...sections.flatMap(([title, belongs]) => {
      const rows = known.filter((key) => belongs(key.path)).map(rowOf);
      return rows.length === 0
        ? []
        : [`### ${title}\n`, table(['Key', 'Default', 'Changed while it runs', 'What it says'], rows), ''];
    }),
    "### MicroShift's other names\n",
    'These mean the same as the key beside them.\n',
    table(
      ['Name', 'Key'],
      keyAliases.map((one) => [code(one.path), code(one.of)]),
    ),
    '',
    '### Not in this version\n',
    'Keys that MicroShift has and this version does not: a value that asks for something is refused with what there is instead.\n',
    table(
      ['Key', 'Instead'],
      [
        ...absentKeys.filter((one) => one.unlessTurnedOnBy === undefined).map((one) => [code(one.path), one.instead]),
        ...pending.map((key) => [code(key.path), 'Nothing yet.']),
      ],
    ),
    '',
  ].join('\n');
}

const rowOf = (key: ConfigurationKey): readonly string[] => [
  code(key.path),
  defaultOf(key),
  key.change === 'live' ? 'at once' : 'after a restart',
  `${key.meaning}${choicesOf(key)}`,
];

function defaultOf(key: ConfigurationKey): string {
  const value = key.default;
  if (value === undefined) return key.defaultText ?? '';
  if (typeof value === 'object')
    return value.map((one) => code(typeof one === 'string' ? one : JSON.stringify(one))).join(', ');
  return value === '' ? '' : code(String(value));
}

function choicesOf(key: ConfigurationKey): string {
  const parts = [
    ...(key.oneOf === undefined
      ? []
      : [
          key.oneOf
            .filter((one) => one !== '')
            .map(code)
            .join(', '),
        ]),
    ...(key.fields === undefined ? [] : [key.fields.map((one) => `${code(one.name)}: ${one.meaning}`).join('; ')]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

/** Aligned as the formatter does it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
