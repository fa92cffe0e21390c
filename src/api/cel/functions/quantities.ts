// Kubernetes' quantities in expressions: exact, as quantity.ts has them.
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  QuantityError,
  quantityToNumber,
  subtractQuantities,
  type Quantity,
} from '../../quantity.ts';
import type { FunctionTable, Run } from '../check/functions.ts';
import { CelError, Opaque } from '../run/values.ts';
import { intMax, intMin } from '../syntax/numbers.ts';
import { quantityType, type CelType } from '../types.ts';

export class QuantityValue extends Opaque {
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }
  override get celType(): CelType {
    return quantityType;
  }
  override equals(other: unknown): boolean {
    return other instanceof QuantityValue && compareQuantities(this.quantity, other.quantity) === 0;
  }
  override toString(): string {
    return formatQuantity(this.quantity);
  }
}

function parsed(text: string): QuantityValue {
  try {
    return new QuantityValue(parseQuantity(text));
  } catch (error) {
    if (error instanceof QuantityError) throw new CelError(error.message);
    throw error;
  }
}
const isQuantity = (text: string): boolean => {
  try {
    parseQuantity(text);
    return true;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
};
/** Undefined for fractions, and beyond 64 bits. */
function wholeOf({ value, scale }: Quantity): bigint | undefined {
  const divisor = scale < 0 ? 10n ** BigInt(-scale) : 1n;
  if (value % divisor !== 0n) return undefined;
  const whole = scale > 0 ? value * 10n ** BigInt(scale) : value / divisor;
  return whole > intMax || whole < intMin ? undefined : whole;
}
const ofInt = (value: bigint): Quantity => ({ value, scale: 0, format: 'DecimalExponent' });

export function declareQuantities(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  const type = 'kubernetes.Quantity';
  add(`string_to_quantity: quantity(string): ${type}`, parsed);
  add('is_quantity_string: isQuantity(string): bool', isQuantity);
  add(`quantity_sign: sign(${type}): int`, ({ quantity }: QuantityValue) =>
    BigInt(compareQuantities(quantity, ofInt(0n))),
  );
  add(
    `quantity_is_greater_than: ${type}.isGreaterThan(${type}): bool`,
    (one: QuantityValue, other: QuantityValue) => compareQuantities(one.quantity, other.quantity) > 0,
  );
  add(
    `quantity_is_less_than: ${type}.isLessThan(${type}): bool`,
    (one: QuantityValue, other: QuantityValue) => compareQuantities(one.quantity, other.quantity) < 0,
  );
  add(`quantity_compare_to: ${type}.compareTo(${type}): int`, (one: QuantityValue, other: QuantityValue) =>
    BigInt(compareQuantities(one.quantity, other.quantity)),
  );
  add(`quantity_get_float: ${type}.asApproximateFloat(): double`, ({ quantity }: QuantityValue) =>
    quantityToNumber(quantity),
  );
  add(`quantity_get_int: ${type}.asInteger(): int`, ({ quantity }: QuantityValue) => {
    const whole = wholeOf(quantity);
    if (whole === undefined) throw new CelError('cannot convert value to integer');
    return whole;
  });
  add(
    `quantity_is_integer: ${type}.isInteger(): bool`,
    ({ quantity }: QuantityValue) => wholeOf(quantity) !== undefined,
  );
  add(
    `quantity_add: ${type}.add(${type}): ${type}`,
    (one: QuantityValue, other: QuantityValue) => new QuantityValue(addQuantities(one.quantity, other.quantity)),
  );
  add(
    `quantity_add_int: ${type}.add(int): ${type}`,
    (one: QuantityValue, other: bigint) => new QuantityValue(addQuantities(one.quantity, ofInt(other))),
  );
  add(
    `quantity_sub: ${type}.sub(${type}): ${type}`,
    (one: QuantityValue, other: QuantityValue) => new QuantityValue(subtractQuantities(one.quantity, other.quantity)),
  );
  add(
    `quantity_sub_int: ${type}.sub(int): ${type}`,
    (one: QuantityValue, other: bigint) => new QuantityValue(subtractQuantities(one.quantity, ofInt(other))),
  );
}
