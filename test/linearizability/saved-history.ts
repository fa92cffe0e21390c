// A history as text: times are not repeatable, so what was found is kept.
import type { History } from './history.ts';

export const historyText = (history: History): string =>
  JSON.stringify(history, (_, value: unknown) =>
    value instanceof Map ? { map: [...value] } : value === Infinity ? { infinity: true } : value,
  );

export const parseHistory = (text: string): History =>
  JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if (Object.hasOwn(value, 'map')) return new Map((value as { map: [unknown, unknown][] }).map);
    return Object.hasOwn(value, 'infinity') ? Infinity : value;
  }) as History;
