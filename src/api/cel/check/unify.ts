// When one type may stand for another, and what type parameters are then: the substitution rules of the language's checker.
import {
  isDyn,
  isDynOrError,
  isSameType,
  listType,
  mapType,
  opaqueType,
  typeType,
  dynType,
  nullType,
  type CelType,
} from '../types.ts';

export class Substitutions {
  readonly #types: Map<string, CelType>;

  constructor(types: ReadonlyMap<string, CelType> = new Map()) {
    this.#types = new Map(types);
  }
  copy(): Substitutions {
    return new Substitutions(this.#types);
  }
  find(type: CelType): CelType | undefined {
    return this.#types.get(type.text);
  }
  add(type: CelType, stands: CelType): void {
    this.#types.set(type.text, stands);
  }
}

/** With every known parameter replaced; unknown ones by dyn when `isFinal`. */
export function substitute(known: Substitutions, type: CelType, isFinal: boolean): CelType {
  const stands = known.find(type);
  if (stands !== undefined) return substitute(known, stands, isFinal);
  if (type.kind === 'parameter') return isFinal ? dynType : type;
  if (type.parameters.length === 0) return type;
  const parameters = type.parameters.map((one) => substitute(known, one, isFinal));
  if (parameters.every((one, index) => one === type.parameters[index])) return type;
  switch (type.kind) {
    case 'opaque':
      return opaqueType(type.name, parameters);
    case 'list':
      return listType(parameters[0]!);
    case 'map':
      return mapType(parameters[0]!, parameters[1]!);
    case 'type':
      return typeType(parameters[0]);
    default:
      return type;
  }
}

/** The substitutions under which all of `given` may stand for `wanted`; undefined when there are none. */
export function assignAll(
  known: Substitutions,
  given: readonly CelType[],
  wanted: readonly CelType[],
): Substitutions | undefined {
  const trial = known.copy();
  return areAssignable(trial, given, wanted) ? trial : undefined;
}

export function assign(known: Substitutions, one: CelType, other: CelType): Substitutions | undefined {
  const trial = known.copy();
  return isAssignable(trial, one, other) ? trial : undefined;
}

const areAssignable = (known: Substitutions, one: readonly CelType[], other: readonly CelType[]): boolean =>
  one.length === other.length && one.every((type, index) => isAssignable(known, type, other[index]!));

function isAssignable(known: Substitutions, one: CelType, other: CelType): boolean {
  if (other.kind === 'parameter') {
    const { valid, isKnown } = bind(known, one, other);
    if (valid) return true;
    if (isKnown) return false;
  }
  if (one.kind === 'parameter') return bind(known, other, one).valid;
  if (isDynOrError(one) || isDynOrError(other)) return true;
  if (one.kind === 'null') return takesNull(other);
  if (other.kind === 'null') return takesNull(one);
  switch (one.kind) {
    case 'type':
      return other.kind === 'type';
    case 'opaque':
    case 'list':
    case 'map':
      return (
        one.kind === other.kind && one.name === other.name && areAssignable(known, one.parameters, other.parameters)
      );
    default:
      return isSameType(one, other);
  }
}

const takesNull = (type: CelType): boolean =>
  isSameType(type, nullType) || ['opaque', 'object', 'any', 'duration', 'timestamp'].includes(type.kind);

function bind(known: Substitutions, type: CelType, parameter: CelType): { valid: boolean; isKnown: boolean } {
  if (isSameType(type, parameter)) return { valid: true, isKnown: true };
  const stands = known.find(parameter);
  if (stands !== undefined) {
    if (isSameType(type, stands)) return { valid: true, isKnown: true };
    if (!isAssignable(known, type, stands)) return { valid: false, isKnown: true };
    const general = mostGeneral(type, stands);
    if (!occursIn(known, parameter, general)) known.add(parameter, general);
    return { valid: true, isKnown: true };
  }
  if (occursIn(known, parameter, type)) return { valid: false, isKnown: false };
  known.add(parameter, type);
  return { valid: true, isKnown: false };
}

function occursIn(known: Substitutions, type: CelType, within: CelType): boolean {
  if (isSameType(type, within)) return true;
  if (within.kind === 'parameter') {
    const stands = known.find(within);
    return stands !== undefined && occursIn(known, type, stands);
  }
  return within.parameters.some((one) => occursIn(known, type, one));
}

export const mostGeneral = (one: CelType, other: CelType): CelType => (isLessSpecific(one, other) ? one : other);

function isLessSpecific(one: CelType, other: CelType): boolean {
  if (isDyn(one) || one.kind === 'parameter') return true;
  if (isDyn(other) || other.kind === 'parameter') return false;
  if (one.kind !== other.kind) return false;
  switch (one.kind) {
    case 'opaque':
    case 'list':
    case 'map':
      return (
        one.name === other.name &&
        one.parameters.length === other.parameters.length &&
        one.parameters.every((part, index) => isLessSpecific(part, other.parameters[index]!))
      );
    case 'type':
      return true;
    default:
      return isSameType(one, other);
  }
}
