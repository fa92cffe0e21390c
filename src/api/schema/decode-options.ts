// How a decoder treats what it does not know.
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface DecodeOptions {
  readonly fieldValidation: FieldValidation;
  /** Paths of keys that the text had twice, from parseJson. */
  readonly duplicates?: readonly string[] | undefined;
}
