// Makes nodes of the tree, each with its own id.
import type { Comprehension, Entry, Expr, FieldEntry } from './ast.ts';

const none: ReadonlySet<number> = new Set();

/** Macros double what they copy: a short text can say a tree that no memory holds. */
const nodesMax = 300_000;
export class TreeTooLarge extends Error {}

export class Nodes {
  #last = 0;

  id(): number {
    if (this.#last >= nodesMax) throw new TreeTooLarge(`expression has more than ${nodesMax} parts`);
    return ++this.#last;
  }
  literal(at: number, value: unknown): Expr {
    return { kind: 'literal', id: this.id(), at, value };
  }
  ident(at: number, name: string): Expr {
    return { kind: 'ident', id: this.id(), at, name };
  }
  select(at: number, operand: Expr, field: string, isTest = false): Expr {
    return { kind: 'select', id: this.id(), at, operand, field, isTest };
  }
  call(at: number, name: string, args: readonly Expr[], target?: Expr): Expr {
    return { kind: 'call', id: this.id(), at, name, target, args };
  }
  list(at: number, elements: readonly Expr[], optional: ReadonlySet<number> = none): Expr {
    return { kind: 'list', id: this.id(), at, elements, optional };
  }
  map(at: number, entries: readonly Entry[]): Expr {
    return { kind: 'map', id: this.id(), at, entries };
  }
  struct(at: number, typeName: string, fields: readonly FieldEntry[]): Expr {
    return { kind: 'struct', id: this.id(), at, typeName, fields };
  }
  comprehension(at: number, parts: Omit<Comprehension, 'kind' | 'id' | 'at' | 'type'>): Expr {
    return { kind: 'comprehension', id: this.id(), at, ...parts };
  }

  /** The same again, for macros that say a part twice. */
  copy(expr: Expr): Expr {
    const id = this.id();
    switch (expr.kind) {
      case 'literal':
      case 'ident':
        return { ...expr, id };
      case 'select':
        return { ...expr, id, operand: this.copy(expr.operand) };
      case 'call':
        return {
          ...expr,
          id,
          target: expr.target === undefined ? undefined : this.copy(expr.target),
          args: expr.args.map((one) => this.copy(one)),
        };
      case 'list':
        return { ...expr, id, elements: expr.elements.map((one) => this.copy(one)) };
      case 'map':
        return {
          ...expr,
          id,
          entries: expr.entries.map((one) => ({ ...one, key: this.copy(one.key), value: this.copy(one.value) })),
        };
      case 'struct':
        return { ...expr, id, fields: expr.fields.map((one) => ({ ...one, value: this.copy(one.value) })) };
      case 'comprehension':
        return {
          ...expr,
          id,
          range: this.copy(expr.range),
          initial: this.copy(expr.initial),
          condition: this.copy(expr.condition),
          step: this.copy(expr.step),
          result: this.copy(expr.result),
        };
    }
  }
}
