// How a decoder treats what it does not know.
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface DecodeOptions {
  readonly fieldValidation: FieldValidation;
  /** What the text had twice, as it is told; of YAML by its lines. */
  readonly duplicates?: readonly string[] | undefined;
  /** Puts paths of unknown fields, and then what comes twice, in the order of the text. */
  readonly inOrder?: ((unknown: readonly string[]) => readonly string[]) | undefined;
  /** YAML tells what it has twice first, and in one piece. */
  readonly format?: 'json' | 'yaml' | undefined;
  /** The body as it came: errors show its beginning. */
  readonly source?: Uint8Array | undefined;
  /** Fields that nobody knows are not told, whatever is wanted: custom resources in CBOR. */
  readonly ignoresUnknown?: boolean | undefined;
  /** The value with its numbers as they were written, where that makes a difference: integers have one way only. */
  readonly asWritten?: unknown;
  /** The value was put together from others and is no text: whole numbers that do not fit are cut, not refused. */
  readonly isConverted?: boolean | undefined;
}
