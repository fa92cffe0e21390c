// Streams of YAML documents as the manifest tools of the field read them: scalars resolve as in YAML 1.2 with the
// numbers, timestamps and merge keys of 1.1, and `yes` is a text. Request bodies are read by yaml.ts, by other rules.
import type { Document, ScalarTag } from 'yaml';
import { YamlSyntaxError } from './yaml.ts';

const library = () => import('yaml');

const tag = (name: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag => ({
  tag: `tag:yaml.org,2002:${name}`,
  default: true,
  test,
  resolve,
});

const radixes: readonly (readonly [RegExp, number])[] = [
  [/^0[xX]/, 16],
  [/^0[oO]/, 8],
  [/^0[bB]/, 2],
  [/^0(?=[0-7]+$)/, 8],
];

function integerOf(text: string): number {
  const plain = text.replaceAll('_', '');
  const sign = plain.startsWith('-') ? -1 : 1;
  const digits = plain.replace(/^[-+]/, '');
  for (const [prefix, radix] of radixes)
    if (prefix.test(digits)) return sign * Number.parseInt(digits.replace(prefix, ''), radix);
  return sign * Number.parseInt(digits, 10);
}

const timestampPattern =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(\.\d+)?[ \t]*(Z|[-+]\d\d?(?::?\d\d)?)?)?$/;

/** As RFC 3339; what is no date stays the text that it is. */
function timestampOf(text: string): string {
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    timestampPattern.exec(text) ?? [];
  const two = (value: string | undefined) => (value ?? '').padStart(2, '0');
  const [, sign, zoneHour, zoneMinute = '00'] = /^([-+])(\d\d?):?(\d\d)?$/.exec(zone) ?? [];
  const suffix = sign === undefined ? 'Z' : `${sign}${two(zoneHour)}:${zoneMinute}`;
  const parts = fraction.replace(/0+$/, '');
  const result = `${year}-${two(month)}-${two(day)}T${two(hour)}:${minute}:${second}${parts === '.' ? '' : parts}${suffix}`;
  return Number.isNaN(Date.parse(result)) ? text : result;
}

const scalarTags: readonly ScalarTag[] = [
  tag('null', /^(?:~|[Nn]ull|NULL)?$/, () => null),
  tag('bool', /^(?:[Tt]rue|TRUE|[Ff]alse|FALSE)$/, (text) => /^t/i.test(text)),
  tag('int', /^[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*)$/, integerOf),
  tag('float', /^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$/, (text) =>
    Number(text.replaceAll('_', '')),
  ),
  tag('timestamp', timestampPattern, timestampOf),
];

/**
 * The values of all documents that hold one. Throws YamlSyntaxError. Annotations are texts as they are written; `nulls`: null
 * stays null there, since in a patch it removes.
 */
export async function parseYamlDocuments(
  bytes: Uint8Array | string,
  { nulls = false }: { readonly nulls?: boolean } = {},
): Promise<unknown[]> {
  const yaml = await library();
  const text = (typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes)).replaceAll('\r\n', '\n');
  const binary: ScalarTag = {
    tag: 'tag:yaml.org,2002:binary',
    resolve: (value) => Buffer.from(value, 'base64').toString('utf8'),
  };
  const documents = yaml.parseAllDocuments(text, {
    version: '1.2',
    merge: true,
    uniqueKeys: true,
    prettyErrors: false,
    schema: 'failsafe',
    customTags: (tags) => [...tags, ...scalarTags, binary, 'merge'],
  });
  return [...documents].flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      const line = text.slice(0, error.pos[0]).split('\n').length;
      throw new YamlSyntaxError(`yaml: line ${line}: ${error.message}`);
    }
    keepAnnotationTexts(yaml, document, nulls);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 100 });
    } catch (cause) {
      throw new YamlSyntaxError(`yaml: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    return value === null || value === undefined ? [] : [JSON.parse(JSON.stringify(value)) as unknown];
  });
}

function keepAnnotationTexts(yaml: typeof import('yaml'), document: Document, nulls: boolean): void {
  const annotations: unknown = yaml.isDocument(document)
    ? document.getIn(['metadata', 'annotations'], true)
    : undefined;
  if (!yaml.isMap(annotations)) return;
  for (const { value } of annotations.items)
    if (yaml.isScalar(value) && value.type === 'PLAIN' && !(nulls && value.value === null))
      value.value = value.source ?? '';
}

/** What a text without quotes stands for. */
export function plainScalar(text: string): unknown {
  const known = scalarTags.find(({ test }) => test?.test(text) === true);
  return known === undefined || known.tag.endsWith(':timestamp')
    ? text
    : known.resolve(text, () => {}, {} as Parameters<ScalarTag['resolve']>[2]);
}
