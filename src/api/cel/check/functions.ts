// Functions as the checker and the evaluator share them: overloads, declared by a line of text each, such as
// `contains_string: string.contains(string): bool`; capital letters are type parameters.
import { InvariantError } from '#base/errors.ts';
import { listType, mapType, namedTypes, optionalType, parameterType, typeType, type CelType } from '../types.ts';

/** Throws CelError. Arguments are what the signature says, the target first. */
export type Run = (...values: never[]) => unknown;

export interface Overload {
  readonly id: string;
  readonly isMember: boolean;
  /** The target first. */
  readonly parameters: readonly CelType[];
  readonly typeParameters: readonly string[];
  readonly result: CelType;
  readonly run: (...values: unknown[]) => unknown;
}

export class FunctionTable {
  readonly #functions: Map<string, Overload[]>;
  constructor(base?: FunctionTable) {
    this.#functions = new Map(base === undefined ? [] : base.#functions);
  }
  find(name: string): readonly Overload[] | undefined {
    return this.#functions.get(name);
  }
  add(name: string, overload: Overload): void {
    this.#functions.set(name, [...(this.#functions.get(name) ?? []), overload]);
  }
  /** See the head of the file. */
  declare(signature: string, run: Run, types: ReadonlyMap<string, CelType> = namedTypes): void {
    const [id, head, list, result] = partsOf(signature);
    const member = /^(.+)\.(@?\w+)$/.exec(head);
    // `math.max(...)` names a function of a library; `string.trim()` one of a type.
    const target = member !== null && isTypeText(member[1]!, types) ? member[1]! : undefined;
    const typeParameters = new Set<string>();
    const read = (text: string): CelType => readType(text, types, typeParameters);
    const parameters = [...(target === undefined ? [] : [target]), ...splitList(list)].map(read);
    const returned = read(result);
    this.add(target === undefined ? head : member![2]!, {
      id,
      isMember: target !== undefined,
      parameters,
      typeParameters: [...typeParameters],
      result: returned,
      run: run as (...values: unknown[]) => unknown,
    });
  }
}

function partsOf(signature: string): readonly [id: string, head: string, list: string, result: string] {
  const colon = signature.indexOf(': ');
  const end = signature.lastIndexOf('): ');
  let depth = 1;
  let open = end;
  while (depth > 0 && open > 0) {
    open--;
    if (signature[open] === ')') depth++;
    else if (signature[open] === '(') depth--;
  }
  if (colon < 0 || end < 0 || open <= colon) throw new InvariantError(`no signature: ${signature}`);
  return [
    signature.slice(0, colon),
    signature.slice(colon + 2, open),
    signature.slice(open + 1, end),
    signature.slice(end + 3),
  ];
}

const aliases: Readonly<Record<string, string>> = {
  duration: 'google.protobuf.Duration',
  timestamp: 'google.protobuf.Timestamp',
};
const isTypeText = (text: string, types: ReadonlyMap<string, CelType>): boolean =>
  text.endsWith(')') || /^[A-Z]$/.test(text) || types.has(aliases[text] ?? text);

/** Splits at commas that are in no parentheses. */
function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const character = text[at] ?? ',';
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === ',' && depth === 0) {
      if (at > start) parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return parts;
}

function readType(text: string, types: ReadonlyMap<string, CelType>, found: Set<string>): CelType {
  const match = /^(list|map|optional|optional_type|type)\((.*)\)$/.exec(text);
  if (match !== null) {
    const inner = splitList(match[2]!).map((one) => readType(one, types, found));
    switch (match[1]) {
      case 'list':
        return listType(inner[0]!);
      case 'map':
        return mapType(inner[0]!, inner[1]!);
      case 'type':
        return typeType(inner[0]);
      default:
        return optionalType(inner[0]!);
    }
  }
  if (/^[A-Z]$/.test(text)) {
    found.add(text);
    return parameterType(text);
  }
  const named = types.get(aliases[text] ?? text);
  if (named === undefined) throw new InvariantError(`no type: ${text}`);
  return named;
}
