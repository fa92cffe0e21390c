// One value from a file, a variable or a flag to the type that its key has; or what is wrong with it. Pure.
import { parseNanoseconds } from '#api/schema/duration.ts';
import type { KeyType, ObjectField, RawObject, RawValue } from './keys/key.ts';
import { nearestName } from './nearest.ts';

export interface TypeMistake {
  /** Behind "KEY in SOURCE ". */
  readonly says: string;
  readonly remedy?: string;
}
export type Typed = { readonly value: RawValue } | TypeMistake;

interface Typing {
  readonly type: KeyType;
  readonly fields?: readonly ObjectField[] | undefined;
}

const typeNames: Readonly<Record<KeyType, string>> = {
  string: 'a text',
  integer: 'a whole number',
  boolean: 'true or false',
  duration: 'a duration such as 30s or 1h30m',
  list: 'a list of texts',
  objects: 'a list of objects',
};
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};
const wrong = (type: KeyType, value: unknown): TypeMistake => ({
  says: `must be ${typeNames[type]}, and is ${shown(value)}`,
});
const isTextList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

/** Of a value in a YAML file. */
export function typedValue(typing: Typing, value: unknown): Typed {
  switch (typing.type) {
    case 'string':
      return typeof value === 'string' ? { value } : wrong('string', value);
    case 'integer':
      return typeof value === 'number' && Number.isSafeInteger(value) ? { value } : wrong('integer', value);
    case 'boolean':
      return typeof value === 'boolean' ? { value } : wrong('boolean', value);
    case 'duration': {
      // 0 is the one number that is a duration.
      const text = value === 0 ? '0' : value;
      return typeof text === 'string' && (text === '' || durationMs(text) !== undefined)
        ? { value: text }
        : wrong('duration', value);
    }
    case 'list':
      return isTextList(value) ? { value } : wrong('list', value);
    case 'objects':
      return typedObjects(typing.fields ?? [], value);
  }
}

const integerPattern = /^-?\d{1,15}$/;

/** Of the text of a variable or a flag: lists with commas, lists of objects as JSON. */
export function typedText(typing: Typing, text: string): Typed {
  switch (typing.type) {
    case 'string':
    case 'duration':
      return typedValue(typing, text);
    case 'integer':
      return integerPattern.test(text) ? { value: Number(text) } : wrong('integer', text);
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : wrong('boolean', text);
    case 'list':
      return {
        value: text
          .split(',')
          .map((one) => one.trim())
          .filter((one) => one !== ''),
      };
    case 'objects':
      try {
        return typedValue(typing, JSON.parse(text));
      } catch {
        return { says: `must be a list of objects as JSON, and is ${shown(text)}` };
      }
  }
}

function typedObjects(fields: readonly ObjectField[], value: unknown): Typed {
  if (!Array.isArray(value)) return wrong('objects', value);
  const objects: RawObject[] = [];
  for (const [index, one] of value.entries()) {
    if (typeof one !== 'object' || one === null || Array.isArray(one))
      return {
        says: `must be a list of objects, and its item ${index + 1} is ${shown(one)}`,
        remedy: `Each has ${fields.map((field) => field.name).join(', ')}.`,
      };
    const object: Record<string, string | number | readonly string[]> = {};
    for (const [name, given] of Object.entries(one)) {
      const field = fields.find((known) => known.name === name);
      if (field === undefined) {
        const near = nearestName(
          name,
          fields.map((known) => known.name),
        );
        return {
          says: `has in its item ${index + 1} the field ${name}, which is not known`,
          remedy: `${near === undefined ? '' : `Did you mean ${near}? `}Fields are ${fields.map((known) => known.name).join(', ')}.`,
        };
      }
      if (given === null || given === undefined) continue;
      const typed = typedValue(field, given);
      if ('says' in typed) return { says: `has in its item ${index + 1} the field ${name}, which ${typed.says}` };
      object[name] = typed.value as string | number | readonly string[];
    }
    // The original's sample file has an item without any value: it means none.
    if (!Object.values(object).every((given) => given === '' || given === 0 || isEmptyList(given)))
      objects.push(object);
  }
  return { value: objects };
}
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.every((one) => one === '');

/** Undefined: not a duration, or a negative one. */
export function durationMs(text: string): number | undefined {
  const nanoseconds = parseNanoseconds(text);
  return typeof nanoseconds === 'bigint' && nanoseconds >= 0n ? Number(nanoseconds / 1_000_000n) : undefined;
}
