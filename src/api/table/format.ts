// Cell texts that several kinds share.
import type { Container, LabelSelector, ObjectMeta } from '../generated/types.ts';
import { matcherFor } from '../meta/label-selector.ts';
import { ageOf } from '../meta/time.ts';

export type CellsOf<T> = (object: T, now: number) => unknown[];

export const none = '<none>';
export const unset = '<unset>';

export const age = (object: { readonly metadata: ObjectMeta }, now: number): string =>
  ageOf(object.metadata.creationTimestamp, now);

export const labelsText = (labels: Readonly<Record<string, string>> | undefined): string => {
  const entries = Object.entries(labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? none : entries.map(([key, value]) => `${key}=${value}`).join(',');
};
export const selectorText = (selector: LabelSelector | undefined): string => {
  const text = matcherFor(selector).toString();
  return text === '' ? none : text;
};
export const containerNames = (containers: readonly Container[] | undefined): string =>
  (containers ?? []).map((one) => one.name).join(',');
export const containerImages = (containers: readonly Container[] | undefined): string =>
  (containers ?? []).map((one) => one.image ?? '').join(',');

/** `a,b,c + 2 more...` */
export const withMore = (list: readonly string[], max: number, empty: string): string =>
  list.length === 0
    ? empty
    : list.length <= max
      ? list.join(',')
      : `${list.slice(0, max).join(',')} + ${list.length - max} more...`;

export const yesNo = (value: boolean | undefined): string => (value === undefined ? unset : value ? 'True' : 'False');
