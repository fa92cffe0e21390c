// Label selectors in both forms: the string of requests (`app=web,tier in (a,b)`) and the LabelSelector object.
// Grammar and error texts as k8s.io/apimachinery labels; parsed once into a matcher.
import type { LabelSelector, LabelSelectorRequirement } from '../generated/types.ts';
import { forbidden, invalid, required, type FieldError } from '../field-error.ts';
import { ApiError, badRequestError } from '../status.ts';
import { labelValue, qualifiedName } from './names.ts';
import { validateLabels } from './object-meta.ts';

export type Labels = Readonly<Record<string, string>>;
export type RequirementOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface Requirement {
  readonly key: string;
  readonly operator: RequirementOperator;
  readonly values: readonly string[];
}

export interface LabelMatcher {
  readonly requirements: readonly Requirement[];
  /** Selects everything. */
  readonly empty: boolean;
  matches(labels: Labels | undefined): boolean;
  /** The string form. */
  toString(): string;
}

function matchesRequirement({ key, operator, values }: Requirement, labels: Labels): boolean {
  const has = Object.hasOwn(labels, key);
  const value = has ? labels[key]! : '';
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return has && values.includes(value);
    case '!=':
    case 'notin':
      return !has || !values.includes(value);
    case 'exists':
      return has;
    case '!':
      return !has;
    default: {
      if (!has || !integerPattern.test(value)) return false;
      const [left, right] = [BigInt(value), BigInt(values[0]!)];
      return operator === 'gt' ? left > right : left < right;
    }
  }
}
const integerPattern = /^[+-]?\d+$/;

function requirementText({ key, operator, values }: Requirement): string {
  const list = values.toSorted().join(',');
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${list})`;
    case 'gt':
      return `${key}>${list}`;
    case 'lt':
      return `${key}<${list}`;
    default:
      return `${key}${operator}${list}`;
  }
}

const noLabels: Labels = {};
const matcherOf = (requirements: readonly Requirement[]): LabelMatcher => ({
  requirements,
  empty: requirements.length === 0,
  matches: (labels = noLabels) => requirements.every((one) => matchesRequirement(one, labels)),
  toString: () => requirements.map(requirementText).join(','),
});
const byKey = (a: Requirement, b: Requirement) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

export const everything: LabelMatcher = matcherOf([]);
export const nothing: LabelMatcher = { requirements: [], empty: false, matches: () => false, toString: () => '' };

class SelectorSyntaxError extends Error {}
const fail = (message: string): never => {
  throw new SelectorSyntaxError(message);
};

/** Of NewRequirement upstream: `path` is how the message names the place. */
function checkedRequirement(key: string, operator: RequirementOperator, values: readonly string[]): Requirement {
  const errors: string[] = [];
  const add = (path: string, value: string, detail: string) =>
    errors.push(`${path}: Invalid value: ${JSON.stringify(value)}: ${detail}`);
  const keyWrong = qualifiedName(key);
  if (keyWrong.length > 0) add('key', key, keyWrong.join('; '));
  if (operator === 'gt' || operator === 'lt')
    for (const [index, value] of values.entries())
      if (!integerPattern.test(value))
        add(`values[${index}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer");
  for (const [index, value] of values.entries()) {
    const wrong = labelValue(value);
    if (wrong.length > 0) add(`values[${index}][${key}]`, value, wrong.join('; '));
  }
  if (errors.length > 0) fail(errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`);
  return { key, operator, values };
}

type TokenType =
  | 'end'
  | 'identifier'
  | 'in'
  | 'notin'
  | ')'
  | ','
  | '!'
  | '=='
  | '='
  | '>'
  | '<'
  | '!='
  | '('
  | 'error';
interface Token {
  readonly type: TokenType;
  readonly text: string;
}
const symbols = new Set<string>([')', ',', '!', '==', '=', '>', '<', '!=', '(']);
const symbolChars = '=!(),><';
const blanks = ' \t\r\n';

function* tokensOf(text: string): Generator<Token> {
  let at = 0;
  for (;;) {
    while (at < text.length && blanks.includes(text[at]!)) at++;
    if (at >= text.length) break;
    if (symbolChars.includes(text[at]!)) {
      const two = text.slice(at, at + 2);
      const symbol = two.length === 2 && symbols.has(two) ? two : text[at]!;
      at += symbol.length;
      yield { type: symbol as TokenType, text: symbol };
      continue;
    }
    const start = at;
    while (at < text.length && !symbolChars.includes(text[at]!) && !blanks.includes(text[at]!)) at++;
    const word = text.slice(start, at);
    yield { type: word === 'in' || word === 'notin' ? word : 'identifier', text: word };
  }
  yield { type: 'end', text: '' };
}

class SelectorParser {
  readonly #tokens: readonly Token[];
  #position = 0;
  constructor(text: string) {
    this.#tokens = [...tokensOf(text)];
  }
  /** In the place of a key or value, `in` and `notin` are words. */
  #asValue(token: Token): Token {
    return token.type === 'in' || token.type === 'notin' ? { type: 'identifier', text: token.text } : token;
  }
  #peek(): Token {
    return this.#asValue(this.#tokens[this.#position] ?? { type: 'end', text: '' });
  }
  #next(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.type === 'end') return requirements;
      if (token.type !== 'identifier' && token.type !== '!')
        fail(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      try {
        requirements.push(this.#requirement());
      } catch (error) {
        if (error instanceof SelectorSyntaxError) fail(`unable to parse requirement: ${error.message}`);
        throw error;
      }
      const after = this.#next();
      if (after.type === 'end') return requirements;
      if (after.type !== ',') fail(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (following.type !== 'identifier' && following.type !== '!')
        fail(`found '${following.text}', expected: identifier after ','`);
    }
  }

  #requirement(): Requirement {
    let token = this.#next();
    const negated = token.type === '!';
    if (negated) token = this.#next();
    if (token.type !== 'identifier') fail(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const wrong = qualifiedName(key);
    if (wrong.length > 0) fail(`<nil>: Invalid value: ${JSON.stringify(key)}: ${wrong.join('; ')}`);
    if (negated) return checkedRequirement(key, '!', []);
    const after = this.#peek();
    if (after.type === 'end' || after.type === ',') return checkedRequirement(key, 'exists', []);
    const operator = this.#operator();
    return operator === 'in' || operator === 'notin'
      ? checkedRequirement(key, operator, this.#values())
      : checkedRequirement(key, operator, [this.#exactValue()]);
  }

  #operator(): RequirementOperator {
    const token = this.#tokens[this.#position++] ?? { type: 'end', text: '' };
    switch (token.type) {
      case 'in':
      case 'notin':
      case '=':
      case '==':
      case '!=':
        return token.type;
      case '>':
        return 'gt';
      case '<':
        return 'lt';
      default:
        return fail(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #values(): string[] {
    const open = this.#next();
    if (open.type !== '(') fail(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.type === ')') {
      this.#next();
      return [''];
    }
    if (first.type !== 'identifier' && first.type !== ',')
      fail(`found '${first.text}', expected: ',', ')' or identifier`);
    const values = new Set<string>();
    for (;;) {
      const token = this.#next();
      if (token.type === 'identifier') {
        values.add(token.text);
        const after = this.#peek();
        if (after.type === ',') continue;
        if (after.type === ')') break;
        fail(`found '${after.text}', expected: ',' or ')'`);
      } else if (token.type === ',') {
        if (values.size === 0) values.add('');
        const after = this.#peek();
        if (after.type === ',' || after.type === ')') values.add('');
        if (after.type === ')') break;
      } else fail(`found '${token.text}', expected: ',', or identifier`);
    }
    this.#next();
    return [...values].toSorted();
  }

  #exactValue(): string {
    const token = this.#peek();
    if (token.type === 'end' || token.type === ',') return '';
    this.#next();
    return token.type === 'identifier' ? token.text : fail(`found '${token.text}', expected: identifier`);
  }
}

/** Throws an ApiError (400) with upstream's text. The empty string selects everything. */
export function parseLabelSelector(text: string): LabelMatcher {
  if (text === '') return everything;
  try {
    return matcherOf(new SelectorParser(text).parse().toSorted(byKey));
  } catch (error) {
    if (error instanceof SelectorSyntaxError) throw badRequestError(error.message);
    throw error;
  }
}

const objectOperators: Readonly<Record<string, RequirementOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** Undefined selects nothing; `{}` everything. Throws an ApiError (400) on what validateLabelSelector would refuse. */
export function labelSelectorMatcher(selector: LabelSelector | undefined): LabelMatcher {
  if (selector === undefined || selector === null) return nothing;
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: '=',
    values: [value],
  }));
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const known = objectOperators[operator];
    if (known === undefined)
      throw badRequestError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values });
  }
  return requirements.length === 0 ? everything : matcherOf(requirements.toSorted(byKey));
}

const matcherCache = new WeakMap<LabelSelector, LabelMatcher>();
/** As labelSelectorMatcher, made once for each (shared, readonly) selector object. A broken selector selects nothing. */
export function matcherFor(selector: LabelSelector | undefined): LabelMatcher {
  if (selector === undefined || selector === null) return nothing;
  let matcher = matcherCache.get(selector);
  if (matcher === undefined) {
    try {
      matcher = labelSelectorMatcher(selector);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      matcher = nothing;
    }
    matcherCache.set(selector, matcher);
  }
  return matcher;
}

/** The map form of Services and ReplicationControllers. */
export const matchLabels = (selector: Labels): LabelMatcher => labelSelectorMatcher({ matchLabels: selector });

function validateRequirement(one: LabelSelectorRequirement, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const values = one.values ?? [];
  if (one.operator === 'In' || one.operator === 'NotIn') {
    if (values.length === 0)
      errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (one.operator === 'Exists' || one.operator === 'DoesNotExist') {
    if (values.length > 0)
      errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else errors.push(invalid(`${path}.operator`, one.operator ?? '', 'not a valid selector operator'));
  for (const text of qualifiedName(one.key ?? '')) errors.push(invalid(`${path}.key`, one.key ?? '', text));
  for (const [index, value] of values.entries())
    for (const text of labelValue(value)) errors.push(invalid(`${path}.values[${index}]`, value, text));
  return errors;
}

export function validateLabelSelector(selector: LabelSelector | undefined, path: string): FieldError[] {
  if (selector === undefined) return [];
  return [
    ...validateLabels(selector.matchLabels, `${path}.matchLabels`),
    ...(selector.matchExpressions ?? []).flatMap((one, index) =>
      validateRequirement(one, `${path}.matchExpressions[${index}]`),
    ),
  ];
}

export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions?.length ?? 0) === 0;
