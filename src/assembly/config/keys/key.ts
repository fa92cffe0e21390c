// The shape of a row in the table of configuration keys, and short ways to write one.

/** `objects` is a list of objects with named fields; `duration` is Go's text, such as 1m30s. */
export type KeyType = 'string' | 'integer' | 'boolean' | 'duration' | 'list' | 'objects';

/**
 * What a changed value in a file does: `live` holds at once, `restart` after a restart. `missing`: nothing reads it yet, and
 * a value other than the default is refused; whoever writes the reader changes the row.
 */
export type KeyChange = 'live' | 'restart' | 'missing';

export interface ObjectField {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'list';
  readonly meaning: string;
}
export type RawObject = Readonly<Record<string, string | number | readonly string[]>>;
export type RawValue = string | number | boolean | readonly string[] | readonly RawObject[];

export interface ConfigurationKey {
  /** Path in the file, such as `cluster.url`. */
  readonly path: string;
  readonly type: KeyType;
  readonly variable: string;
  readonly meaning: string;
  readonly change: KeyChange;
  /** Absent: it depends on the machine, and `defaultText` says how. */
  readonly default?: RawValue;
  readonly defaultText?: string;
  /** Allowed values, where they are few. An empty text means the default. */
  readonly oneOf?: readonly string[];
  /** Bounds of an integer, or of a duration in milliseconds. */
  readonly least?: number;
  readonly most?: number;
  /** 0 means the default, as in the original's own file. */
  readonly zeroIsDefault?: true;
  /** Of each object of a list of objects. */
  readonly fields?: readonly ObjectField[];
}

/** Another name of a key: MicroShift's newer ones. */
export interface KeyAlias {
  readonly path: string;
  readonly variable: string;
  readonly of: string;
  readonly type: KeyType;
  readonly oneOf?: readonly string[];
  /** The value of `of`, or what is wrong with this one. */
  readonly convert: (value: RawValue) => RawValue | { readonly wrong: string; readonly remedy: string };
}

export const variableOf = (path: string): string => `MICROSHIFT_${path.replaceAll('.', '_').toUpperCase()}`;

type Extra = Partial<Omit<ConfigurationKey, 'path' | 'type' | 'variable' | 'meaning' | 'change' | 'default'>>;
const row =
  (type: KeyType) =>
  (path: string, fallback: RawValue | undefined, change: KeyChange, meaning: string, extra: Extra = {}) => ({
    path,
    type,
    variable: variableOf(path),
    meaning,
    change,
    ...(fallback === undefined ? {} : { default: fallback }),
    ...extra,
  });

export const text = row('string');
export const integer = row('integer');
export const boolean = row('boolean');
export const duration = row('duration');
export const list = row('list');
export const objects = row('objects');
/** One of few; the first is the default. */
export const choice = (path: string, oneOf: readonly string[], change: KeyChange, meaning: string) =>
  text(path, oneOf[0], change, meaning, { oneOf });
