// How a decoder treats what it does not know.
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface DecodeOptions {
  readonly fieldValidation: FieldValidation;
  /** What the text had twice, as it is told. */
  readonly duplicates?: readonly string[] | undefined;
}
