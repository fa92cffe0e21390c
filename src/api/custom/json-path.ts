// The JSONPath of printer columns and selectable fields: names, positions, wildcards and simple filters, as client-go's
// template language has them. Parsed once, evaluated often.
import { isJsonObject } from '../patch/json-values.ts';

type Step = (values: readonly unknown[]) => unknown[];

export type JsonPath = (root: unknown) => readonly unknown[];

const childrenOf = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];

const member =
  (name: string): Step =>
  (values) =>
    values.flatMap((value) => (isJsonObject(value) && Object.hasOwn(value, name) ? [value[name]] : []));

const all: Step = (values) => values.flatMap(childrenOf);

const recursive =
  (name: string): Step =>
  (values) => {
    const found: unknown[] = [];
    const visit = (value: unknown): void => {
      if (isJsonObject(value) && Object.hasOwn(value, name)) found.push(value[name]);
      for (const child of childrenOf(value)) visit(child);
    };
    for (const value of values) visit(value);
    return found;
  };

function slice(text: string): Step | undefined {
  const match = /^(-?\d*)(?::(-?\d*))?(?::(-?\d*))?$/.exec(text);
  if (match === null) return undefined;
  const isOne = !text.includes(':');
  return (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) return [];
      const list = value as unknown[];
      if (isOne) return list.slice(Number(text), Number(text) === -1 ? undefined : Number(text) + 1);
      const from = match[1] === '' ? 0 : Number(match[1]);
      const to = match[2] === undefined || match[2] === '' ? list.length : Number(match[2]);
      const step = match[3] === undefined || match[3] === '' ? 1 : Number(match[3]);
      return list.slice(from, to).filter((_, index) => step > 0 && index % step === 0);
    });
}

const comparisons: Readonly<Record<string, (left: unknown, right: unknown) => boolean>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '<': (left, right) => typeof left === typeof right && (left as number) < (right as number),
  '<=': (left, right) => typeof left === typeof right && (left as number) <= (right as number),
  '>': (left, right) => typeof left === typeof right && (left as number) > (right as number),
  '>=': (left, right) => typeof left === typeof right && (left as number) >= (right as number),
};

type Operand = (item: unknown) => unknown;

function operand(text: string): Operand | undefined {
  const trimmed = text.trim();
  const quoted = /^(["'])(.*)\1$/s.exec(trimmed);
  if (quoted !== null) return () => quoted[2];
  if (/^-?\d+(?:\.\d+)?$/.test(trimmed)) return () => Number(trimmed);
  if (trimmed === 'true' || trimmed === 'false') return () => trimmed === 'true';
  if (!trimmed.startsWith('@')) return undefined;
  const path = parseJsonPath(trimmed.slice(1));
  return path === undefined ? undefined : (item) => path(item)[0];
}

function filter(text: string): Step | undefined {
  const match = /^(.*?)(==|!=|<=|>=|<|>)(.*)$/s.exec(text);
  if (match === null) {
    const path = text.trim().startsWith('@') ? parseJsonPath(text.trim().slice(1)) : undefined;
    return path === undefined
      ? undefined
      : (values) => values.flatMap((value) => childrenOf(value).filter((item) => path(item).length > 0));
  }
  const [left, right] = [operand(match[1]!), operand(match[3]!)];
  const compare = comparisons[match[2]!]!;
  if (left === undefined || right === undefined) return undefined;
  return (values) => values.flatMap((value) => childrenOf(value).filter((item) => compare(left(item), right(item))));
}

/** The position behind the bracket that closes the one at `open`; -1: none. */
function closingBracket(text: string, open: number): number {
  let quote = '';
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const char = text[at]!;
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '[') depth++;
    else if (char === ']' && --depth === 0) return at;
  }
  return -1;
}

function bracket(text: string): Step | undefined {
  if (text === '*') return all;
  const found = /^\?\((.*)\)$/s.exec(text);
  if (found !== null) return filter(found[1]!);
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  return quoted === null ? slice(text) : member(quoted[2]!);
}

/** Undefined: not a path. Without braces: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps: Step[] = [];
  let at = text.startsWith('$') ? 1 : 0;
  while (at < text.length) {
    if (text[at] === '[') {
      const end = closingBracket(text, at);
      const step = end < 0 ? undefined : bracket(text.slice(at + 1, end).trim());
      if (step === undefined) return undefined;
      steps.push(step);
      at = end + 1;
      continue;
    }
    if (text[at] !== '.') return undefined;
    const isRecursive = text[at + 1] === '.';
    at += isRecursive ? 2 : 1;
    let name = '';
    while (at < text.length && text[at] !== '.' && text[at] !== '[') {
      if (text[at] === '\\') at++;
      name += text[at++] ?? '';
    }
    if (name === '*') steps.push(all);
    else if (name !== '') steps.push(isRecursive ? recursive(name) : member(name));
    else if (isRecursive) return undefined;
  }
  return (root) => steps.reduce<readonly unknown[]>((values, step) => step(values), [root]);
}
