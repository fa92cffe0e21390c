// A history as text: times are not repeatable, so what was found is kept.
import type { History } from './history.ts';

export const historyText = (history: History): string =>
  JSON.stringify(history, (_, value: unknown) =>
    value instanceof Map ? { map: [...value] } : value === Infinity ? { infinity: true } : value,
  );

export const parseHistory = (text: string): History =>
  JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('map' in value) return new Map(value.map as [unknown, unknown][]);
    return 'infinity' in value ? Infinity : value;
  }) as History;
