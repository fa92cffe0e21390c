// Ranges of sizes and costs, whose upper end saturates: what is not known counts as the most there is.
import type { CelType } from '../types.ts';

export interface Range {
  readonly min: number;
  readonly max: number;
}
/** Upstream counts in 64 bits without a sign. */
export const most = 2 ** 64;
export const unknownRange: Range = { min: 0, max: most };
export const fixed = (value: number): Range => ({ min: value, max: value });

const saturated = (value: number): number => (value >= most ? most : value);
export const add = (one: Range, other: Range): Range => ({
  min: saturated(one.min + other.min),
  max: saturated(one.max + other.max),
});
export const multiply = (one: Range, other: Range): Range => ({
  min: saturated(one.min * other.min),
  max: saturated(one.max * other.max),
});
export const scale = ({ min, max }: Range, factor: number): Range => ({
  min: saturated(Math.ceil(min * factor)),
  max: saturated(Math.ceil(max * factor)),
});
export const union = (one: Range, other: Range): Range => ({
  min: Math.min(one.min, other.min),
  max: Math.max(one.max, other.max),
});
export const sum = (ranges: readonly Range[]): Range => ranges.reduce(add, fixed(0));

/**
 * The sizes that a part of a variable can have. The path begins with the variable; then names of fields, or `@items`,
 * `@keys`, `@values`. Undefined where nothing is known.
 */
export type SizeHint = (path: readonly string[] | undefined, type: CelType) => Range | undefined;
