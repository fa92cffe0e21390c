// Tokens to a tree. Macros become comprehensions here. One syntax error ends it; texts follow those of upstream's parser,
// whose limits on depth and size hold as well: an expression comes from anybody.
import type { Entry, Expr, FieldEntry } from './ast.ts';
import { begins, beginnings, products, relations, reserved, sums } from './grammar.ts';
import { tokenize, type Token } from './lexer.ts';
import { bytesLiteral, LiteralError, stringLiteral } from './literals.ts';
import { expandMacro, MacroError } from './macros.ts';
import { Nodes, TreeTooLarge } from './nodes.ts';
import type { Problem, Source } from './problems.ts';
import { parseFloat64, parseInt64, parseUint64 } from './numbers.ts';

const depthMax = 250;
const sizeMax = 100_000;

class SyntaxProblem extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

export function parse(source: Source, problems: Problem[]): Expr | undefined {
  if (source.points.length > sizeMax) {
    problems.push({
      at: -1,
      message: `expression code point size exceeds limit: size: ${source.points.length}, limit ${sizeMax}`,
    });
    return undefined;
  }
  const parser = new Parser(tokenize(source, problems), problems);
  try {
    const expr = parser.whole();
    return problems.length === 0 ? expr : undefined;
  } catch (error) {
    if (error instanceof SyntaxProblem) problems.push({ at: error.at, message: error.message });
    else if (error instanceof TreeTooLarge) problems.push({ at: -1, message: error.message });
    else throw error;
    return undefined;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #problems: Problem[];
  readonly #nodes = new Nodes();
  #index = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], problems: Problem[]) {
    this.#tokens = tokens;
    this.#problems = problems;
  }

  whole(): Expr {
    const expr = this.#expr();
    const { kind, text, at } = this.#token;
    if (kind !== 'end') {
      const verb = this.#tokens[this.#index + 1]!.kind === 'end' ? 'extraneous' : 'mismatched';
      throw new SyntaxProblem(at, `Syntax error: ${verb} input '${text}' expecting <EOF>`);
    }
    return expr;
  }

  get #token(): Token {
    return this.#tokens[this.#index]!;
  }
  #is(text: string): boolean {
    const { kind, text: found } = this.#token;
    return found === text && (kind === 'symbol' || kind === 'keyword');
  }
  #accept(text: string): Token | undefined {
    if (!this.#is(text)) return undefined;
    return this.#tokens[this.#index++];
  }
  /** One token too many or one that is missing is noted, and parsing goes on, as upstream's parser does. */
  #expect(text: string): Token {
    const token = this.#accept(text);
    if (token !== undefined) return token;
    const found = this.#token;
    const next = this.#tokens[this.#index + 1];
    if (next?.text === text) {
      this.#note(found, `extraneous input '${found.text}' expecting '${text}'`);
      this.#index += 2;
      return next;
    }
    if (text === ':' ? begins(found) : found.kind === 'end') {
      this.#note(found, `missing '${text}' at '${found.text}'`);
      return found;
    }
    throw new SyntaxProblem(found.at, `Syntax error: mismatched input '${found.text}' expecting '${text}'`);
  }
  #note({ at }: Token, message: string): void {
    this.#problems.push({ at, message: `Syntax error: ${message}` });
  }
  #problem(at: number, message: string): Expr {
    this.#problems.push({ at, message });
    return this.#nodes.literal(at, null);
  }
  #deep(steps: number): void {
    if (steps > depthMax) throw new SyntaxProblem(-1, `expression recursion limit exceeded: ${depthMax}`);
  }

  #expr(): Expr {
    this.#deep(++this.#depth);
    const condition = this.#logical('||');
    const question = this.#accept('?');
    let result = condition;
    if (question !== undefined) {
      const whenTrue = this.#logical('||');
      this.#expect(':');
      const whenFalse = this.#expr();
      result = this.#nodes.call(question.at, '_?_:_', [condition, whenTrue, whenFalse]);
    }
    this.#depth--;
    return result;
  }

  /** A chain of one operator becomes a balanced tree, so that a long one is not deep. */
  #logical(operator: '||' | '&&'): Expr {
    const next = (): Expr => (operator === '||' ? this.#logical('&&') : this.#relation());
    const terms = [next()];
    const places: number[] = [];
    for (let token = this.#accept(operator); token !== undefined; token = this.#accept(operator)) {
      terms.push(next());
      places.push(token.at);
    }
    const balanced = (low: number, high: number): Expr => {
      const middle = Math.floor((low + high + 1) / 2);
      const left = middle === low ? terms[middle]! : balanced(low, middle - 1);
      const right = middle === high ? terms[middle + 1]! : balanced(middle + 1, high);
      return this.#nodes.call(places[middle]!, `_${operator}_`, [left, right]);
    };
    return places.length === 0 ? terms[0]! : balanced(0, places.length - 1);
  }

  #relation(): Expr {
    return this.#chain(relations, () => this.#chain(sums, () => this.#chain(products, () => this.#unary())));
  }

  #chain(operators: Readonly<Record<string, string>>, next: () => Expr): Expr {
    let left = next();
    for (let steps = 1; ; steps++) {
      const { kind, text, at } = this.#token;
      const name = kind === 'symbol' || kind === 'keyword' ? operators[text] : undefined;
      if (name === undefined || !Object.hasOwn(operators, text)) return left;
      this.#deep(steps + 1);
      this.#index++;
      left = this.#nodes.call(at, name, [left, next()]);
    }
  }

  #unary(): Expr {
    for (const [symbol, name] of [
      ['!', '!_'],
      ['-', '-_'],
    ] as const) {
      const { at } = this.#token;
      let count = 0;
      while (this.#is(symbol)) {
        if (symbol === '-' && count === 0 && /^(int|double)$/.test(this.#tokens[this.#index + 1]!.kind))
          return this.#member(this.#number(true));
        this.#index++;
        count++;
      }
      if (count > 0) {
        const operand = this.#member(this.#primary());
        return count % 2 === 0 ? operand : this.#nodes.call(at, name, [operand]);
      }
    }
    return this.#member(this.#primary());
  }

  #member(first: Expr): Expr {
    let operand = first;
    for (let steps = 1; ; steps++) {
      this.#deep(steps);
      const dot = this.#accept('.');
      if (dot !== undefined) {
        operand = this.#selection(operand, dot);
        continue;
      }
      const bracket = this.#accept('[');
      if (bracket === undefined) return operand;
      const isOptional = this.#accept('?') !== undefined;
      const index = this.#expr();
      this.#expect(']');
      operand = this.#nodes.call(bracket.at, isOptional ? '_[?_]' : '_[_]', [operand, index]);
    }
  }

  #selection(operand: Expr, dot: Token): Expr {
    const isOptional = this.#accept('?') !== undefined;
    const name = this.#token;
    if (name.kind === 'escaped') return this.#problem(name.at, "unsupported syntax: '`'");
    if (name.kind !== 'ident')
      throw new SyntaxProblem(
        name.at,
        isOptional
          ? `Syntax error: mismatched input '${name.text}' expecting {IDENTIFIER, ESC_IDENTIFIER}`
          : `Syntax error: no viable alternative at input '.${name.kind === 'end' ? '' : name.text}'`,
      );
    this.#index++;
    if (isOptional) return this.#nodes.call(dot.at, '_?._', [operand, this.#nodes.literal(name.at, name.text)]);
    const open = this.#accept('(');
    if (open === undefined) return this.#nodes.select(dot.at, operand, name.text);
    const args = this.#list(')', () => this.#expr());
    return this.#called(open.at, name.text, operand, args);
  }

  #called(at: number, name: string, target: Expr | undefined, args: readonly Expr[]): Expr {
    try {
      const expanded = expandMacro(this.#nodes, at, name, target, args);
      if (expanded !== undefined) return expanded;
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      return this.#problem(error.at, error.message);
    }
    return this.#nodes.call(at, name, args, target);
  }

  /** Up to and with the closing symbol; a comma may end it where the grammar says so. */
  #list<T>(close: string, item: () => T, allowsComma = false): T[] {
    const items: T[] = [];
    if (this.#accept(close) !== undefined) return items;
    if (allowsComma && this.#is(',') && this.#tokens[this.#index + 1]!.text === close) {
      this.#index += 2;
      return items;
    }
    for (;;) {
      items.push(item());
      if (this.#accept(',') === undefined) break;
      if (allowsComma && this.#is(close)) break;
    }
    const { text, at } = this.#token;
    const verb = this.#tokens[this.#index + 1]?.text === close ? 'extraneous' : 'mismatched';
    if (allowsComma && !this.#is(close))
      throw new SyntaxProblem(at, `Syntax error: ${verb} input '${text}' expecting {'${close}', ','}`);
    this.#expect(close);
    return items;
  }

  #number(isNegative: boolean): Expr {
    const { at } = this.#token;
    if (isNegative) this.#index++;
    const token = this.#token;
    this.#index++;
    const text = (isNegative ? '-' : '') + token.text;
    const value =
      token.kind === 'int' ? parseInt64(text) : token.kind === 'uint' ? parseUint64(text) : parseFloat64(text);
    return value === undefined ? this.#problem(at, `invalid ${token.kind} literal`) : this.#nodes.literal(at, value);
  }

  #primary(): Expr {
    const token = this.#token;
    switch (token.kind) {
      case 'int':
      case 'uint':
      case 'double':
        return this.#number(false);
      case 'string':
      case 'bytes':
        this.#index++;
        try {
          return this.#nodes.literal(
            token.at,
            token.kind === 'string' ? stringLiteral(token.text) : bytesLiteral(token.text),
          );
        } catch (error) {
          if (!(error instanceof LiteralError)) throw error;
          return this.#problem(token.at, error.message);
        }
      case 'keyword':
        if (token.text === 'in') break;
        this.#index++;
        return this.#nodes.literal(token.at, token.text === 'null' ? null : token.text === 'true');
      case 'ident':
        return this.#name('');
      case 'symbol':
        switch (token.text) {
          case '(': {
            this.#index++;
            const inner = this.#expr();
            this.#expect(')');
            return inner;
          }
          case '-':
            if (/^(int|double)$/.test(this.#tokens[this.#index + 1]!.kind)) return this.#number(true);
            break;
          case '[':
            return this.#listLiteral();
          case '{':
            return this.#mapLiteral();
          case '.':
            this.#index++;
            if (this.#token.kind === 'ident') return this.#name('.');
            break;
          default:
        }
        break;
      default:
    }
    const found = this.#token;
    const next = this.#tokens[this.#index + 1];
    if (found.kind !== 'end' && next !== undefined && begins(next)) {
      this.#note(found, `extraneous input '${found.text}' expecting {${beginnings}}`);
      this.#index++;
      return this.#unary();
    }
    throw new SyntaxProblem(found.at, `Syntax error: mismatched input '${found.text}' expecting {${beginnings}}`);
  }

  #name(dot: string): Expr {
    const token = this.#token;
    this.#index++;
    if (this.#isStruct()) return this.#structLiteral(dot + token.text);
    const open = this.#accept('(');
    if (reserved.has(token.text)) return this.#problem(token.at, `reserved identifier: ${token.text}`);
    if (open === undefined) return this.#nodes.ident(token.at, dot + token.text);
    return this.#called(
      open.at,
      dot + token.text,
      undefined,
      this.#list(')', () => this.#expr()),
    );
  }

  /** `.b.c{` follows: a name of a type with fields. */
  #isStruct(): boolean {
    let index = this.#index;
    while (this.#tokens[index]!.text === '.' && this.#tokens[index + 1]!.kind === 'ident') index += 2;
    const { kind, text } = this.#tokens[index]!;
    return kind === 'symbol' && text === '{';
  }

  #structLiteral(first: string): Expr {
    let name = first;
    while (this.#accept('.') !== undefined) {
      name += `.${this.#token.text}`;
      this.#index++;
    }
    const { at } = this.#expect('{');
    const fields = this.#list(
      '}',
      (): FieldEntry => {
        const isOptional = this.#accept('?') !== undefined;
        const field = this.#token;
        if (field.kind !== 'ident')
          throw new SyntaxProblem(
            field.at,
            `Syntax error: extraneous input '${field.text}' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}`,
          );
        this.#index++;
        const colon = this.#expect(':');
        return { id: this.#nodes.id(), at: colon.at, name: field.text, value: this.#expr(), isOptional };
      },
      true,
    );
    return this.#nodes.struct(at, name, fields);
  }

  #listLiteral(): Expr {
    const { at } = this.#expect('[');
    const optional = new Set<number>();
    let count = 0;
    const elements = this.#list(
      ']',
      () => {
        if (this.#accept('?') !== undefined) optional.add(count);
        count++;
        return this.#expr();
      },
      true,
    );
    return this.#nodes.list(at, elements, optional);
  }

  #mapLiteral(): Expr {
    const { at } = this.#expect('{');
    const entries = this.#list(
      '}',
      (): Entry => {
        const isOptional = this.#accept('?') !== undefined;
        const key = this.#expr();
        const colon = this.#expect(':');
        return { id: this.#nodes.id(), at: colon.at, key, value: this.#expr(), isOptional };
      },
      true,
    );
    return this.#nodes.map(at, entries);
  }
}
