// A JSON text in which keys come twice, as Go's decoder fills a struct from it: what comes again of an object is put into what is
// there already, and of everything else the last counts. For texts that are known to be JSON; slow, and only for those few.
import { bodyMergeDepthMax } from '#base/limits.ts';

/** Undefined: it is deeper than any type. */
export function mergedJson(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  let [at, depth] = [0, 0];
  const skip = (): void => {
    while (' \t\r\n'.includes(text[at] ?? 'x')) at++;
  };
  const textEnd = (): number => {
    let end = at + 1;
    while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    return end + 1;
  };
  const scalar = (): unknown => {
    const start = at;
    if (text[at] === '"') at = textEnd();
    else while (at < text.length && !',]} \t\r\n'.includes(text[at]!)) at++;
    return JSON.parse(text.slice(start, at));
  };
  const into = (before: unknown): unknown => {
    skip();
    if (text[at] !== '{' && text[at] !== '[') return scalar();
    if (++depth > bodyMergeDepthMax) throw new TooDeep();
    const value = text[at] === '{' ? members(isObject(before) ? before : {}) : items();
    depth--;
    return value;
  };
  const members = (object: Record<string, unknown>): unknown => {
    at++;
    for (skip(); text[at] !== '}'; skip()) {
      const key = String(scalar());
      skip();
      at++;
      const value = into(Object.hasOwn(object, key) ? object[key] : undefined);
      // Plain assignment would lose a key named __proto__.
      Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
      skip();
      if (text[at] === ',') at++;
    }
    at++;
    return object;
  };
  const items = (): unknown => {
    const list: unknown[] = [];
    at++;
    for (skip(); text[at] !== ']'; skip()) {
      list.push(into(undefined));
      skip();
      if (text[at] === ',') at++;
    }
    at++;
    return list;
  };
  try {
    return into(undefined);
  } catch (error) {
    if (error instanceof TooDeep) return undefined;
    throw error;
  }
}

class TooDeep extends Error {}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
