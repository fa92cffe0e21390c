// Words and symbols of the grammar that the parser asks about.
import type { Token } from './lexer.ts';

export const reserved = new Set(
  'as break const continue else false for function if import in let loop package namespace null return true var void while'.split(
    ' ',
  ),
);

export const beginnings =
  "'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER";
/** Whether an expression can begin with it. */
export const begins = ({ kind, text }: Token): boolean =>
  kind === 'symbol'
    ? '[{(.-!'.includes(text)
    : kind === 'keyword'
      ? text !== 'in'
      : kind !== 'end' && kind !== 'escaped';

export const relations: Readonly<Record<string, string>> = {
  '<': '_<_',
  '<=': '_<=_',
  '>=': '_>=_',
  '>': '_>_',
  '==': '_==_',
  '!=': '_!=_',
  in: '@in',
};
export const sums: Readonly<Record<string, string>> = { '+': '_+_', '-': '_-_' };
export const products: Readonly<Record<string, string>> = { '*': '_*_', '/': '_/_', '%': '_%_' };
