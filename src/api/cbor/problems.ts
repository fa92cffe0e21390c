// What does not fit, in the words of upstream's decoder. Decoding goes on after most of them: only the first is told, and the
// structs around it give it the names of their own fields.
import { majorName } from './reader.ts';

export interface Problem {
  text(): string;
  /** A map has a key that the type has no field for: told apart, for it is no mistake to those who read leniently. */
  readonly isUnknownField?: boolean;
}

export const problem = (text: string): Problem => ({ text: () => text });

export class TypeProblem implements Problem {
  readonly #type: number;
  readonly #goType: string;
  readonly #detail: string;
  #field = '';

  constructor(type: number, goType: string, detail = '') {
    this.#type = type;
    this.#goType = goType;
    this.#detail = detail === '' ? '' : ` (${detail})`;
  }

  /** The outermost struct's name is the one that is told. */
  isIn(field: string): void {
    this.#field = field;
  }

  text(): string {
    const target = this.#field === '' ? 'Go value' : `Go struct field ${this.#field}`;
    return `cbor: cannot unmarshal ${majorName(this.#type)} into ${target} of type ${this.#goType}${this.#detail}`;
  }
}

/** A value as Go prints it with its syntax. */
const goSyntax = (value: MapKey): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));

export type MapKey = string | bigint | number | boolean;

export const duplicateKey = (key: MapKey, index: number): Problem =>
  problem(`cbor: found duplicate map key ${goSyntax(key)} at map element index ${index}`);

export const unknownField = (index: number): Problem => ({
  text: () => `cbor: found unknown field at map element index ${index}`,
  isUnknownField: true,
});

export const unacceptableSimple = (value: number): Problem =>
  problem(
    `cbor: data item of cbor type primitives is not accepted by protocol: simple value ${value} is not recognized`,
  );
