// Named formats: `format.dns1123Label().validate(text)` gives what is wrong with a text.
import { textHasFormat } from '../../custom/formats.ts';
import { labelValue, nameIsDns1035Label, nameIsDnsLabel, nameIsDnsSubdomain, qualifiedName } from '../../meta/names.ts';
import type { FunctionTable } from '../check/functions.ts';
import { ArrayList, Optional } from '../run/values.ts';
import { NamedFormat } from './format-value.ts';
import { parseUrl } from './urls.ts';

const byFormat =
  (format: string, message: string) =>
  (text: string): readonly string[] =>
    textHasFormat(format, text) === true ? [] : [message];

/** Name in expressions, own name, the size of the pattern that its cost goes by. */
const formats: readonly (readonly [string, string, number, (text: string) => readonly string[]])[] = [
  ['dns1123Label', 'DNS1123Label', 30, (text) => nameIsDnsLabel(text, false)],
  ['dns1123Subdomain', 'DNS1123Subdomain', 60, (text) => nameIsDnsSubdomain(text, false)],
  ['dns1035Label', 'DNS1035Label', 30, (text) => nameIsDns1035Label(text, false)],
  ['qualifiedName', 'QualifiedName', 60, qualifiedName],
  ['dns1123LabelPrefix', 'DNS1123LabelPrefix', 30, (text) => nameIsDnsLabel(text, true)],
  ['dns1123SubdomainPrefix', 'DNS1123SubdomainPrefix', 60, (text) => nameIsDnsSubdomain(text, true)],
  ['dns1035LabelPrefix', 'DNS1035LabelPrefix', 30, (text) => nameIsDns1035Label(text, true)],
  ['labelValue', 'LabelValue', 40, labelValue],
  [
    'uri',
    'URI',
    1103,
    (text) => {
      const parts = parseUrl(text);
      return typeof parts === 'string' ? [parts] : [];
    },
  ],
  ['uuid', 'uuid', 69, byFormat('uuid', 'does not match the UUID format')],
  ['byte', 'byte', 84, byFormat('byte', 'invalid base64')],
  ['date', 'date', 72, byFormat('date', 'invalid date')],
  ['datetime', 'datetime', 72, byFormat('datetime', 'invalid datetime')],
];

export function declareFormats(table: FunctionTable): void {
  const named = new Map(formats.map(([name, own, size, check]) => [name, new NamedFormat(own, size, check)]));
  for (const [name, format] of named)
    table.declare(`format.${name}: format.${name}(): kubernetes.NamedFormat`, () => format);
  table.declare('format-named: format.named(string): optional(kubernetes.NamedFormat)', (name: string) => {
    const format = named.get(name);
    return format === undefined ? Optional.none : Optional.of(format);
  });
  table.declare(
    'format-validate: kubernetes.NamedFormat.validate(string): optional(list(string))',
    (format: NamedFormat, text: string) => {
      const wrong = format.check(text);
      return wrong.length === 0 ? Optional.none : Optional.of(new ArrayList([...wrong]));
    },
  );
}
