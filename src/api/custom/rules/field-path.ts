// The path below a part of the schema that a rule's error is reported at: `.spec['a-b'].c`.
import { additionalSchemaOf, propertyOf, type Schema } from '../schema.ts';

const step = /\.([^.[\]']+)|\['((?:[^'\\]|\\.)*)'\]/y;
const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

/** As errors print it, with a dot in front; undefined when it is none of the schema's. */
export function normalizedFieldPath(schema: Schema, path: string): string | undefined {
  let at: Schema | undefined = schema;
  let text = '';
  step.lastIndex = 0;
  while (step.lastIndex < path.length) {
    const match = step.exec(path);
    if (match === null || at === undefined) return undefined;
    const [, plain, quoted = ''] = match;
    const name: string = plain ?? quoted.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? '\0');
    if (name.includes('\0')) return undefined;
    if (at.properties !== undefined) {
      at = propertyOf(at, name);
      if (at === undefined) return undefined;
      text += `.${name}`;
    } else {
      at = additionalSchemaOf(at);
      if (at === undefined) return undefined;
      text += `[${name}]`;
    }
  }
  return text === '' ? undefined : text;
}
