// A named format of the library `format`: what is wrong with a text, and the size of its pattern, which its cost goes by.
import { formatType, type CelType } from '../types.ts';
import { Opaque } from '../run/values.ts';

export class NamedFormat extends Opaque {
  readonly name: string;
  readonly patternSize: number;
  readonly check: (text: string) => readonly string[];
  constructor(name: string, patternSize: number, check: (text: string) => readonly string[]) {
    super();
    this.name = name;
    this.patternSize = patternSize;
    this.check = check;
  }
  override get celType(): CelType {
    return formatType;
  }
  override equals(other: unknown): boolean {
    return other instanceof NamedFormat && other.name === this.name;
  }
}
