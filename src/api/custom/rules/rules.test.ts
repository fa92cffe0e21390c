import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Schema } from '../schema.ts';
import { definitionRuleErrors } from './definition.ts';
import { rulesOf } from './evaluate.ts';
import { loadRules } from './rules.ts';

before(loadRules);

/** What a definition with the schema is told. */
const problems = (schema: Schema): string[] =>
  definitionRuleErrors(schema, '', { isUnchanged: false, isWrong: () => false }).map(
    (one) => `${one.field}: ${one.message}`,
  );

const spec = (properties: Record<string, Schema>, ...rules: object[]): Schema =>
  ({
    type: 'object',
    properties: { spec: { type: 'object', properties, 'x-kubernetes-validations': rules } },
  }) as Schema;

/** What the rule says of the value; 'ok' when it holds. */
function verdict(properties: Record<string, Schema>, rule: string | object, value: object, old?: object): string {
  const rules = rulesOf(spec(properties, typeof rule === 'string' ? { rule } : rule));
  const errors = rules.validate({ spec: value }, old === undefined ? undefined : { value: { spec: old } });
  return errors.length === 0 ? 'ok' : errors.map((one) => `${one.field}: ${one.message}`).join('; ');
}

const int: Schema = { type: 'integer' };
const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const map: Schema = { type: 'object', additionalProperties: text };
const items: Schema = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
  items: { type: 'object', properties: { name: text, size: int } },
};
const all = { min: int, max: int, name: text, texts, map, items, port: { 'x-kubernetes-int-or-string': true } };

test('expressions over numbers, texts, lists, maps and objects', () => {
  const holds: readonly (readonly [string, object])[] = [
    ['self.min <= self.max', { min: 1, max: 2 }],
    ['!has(self.name) || self.name.startsWith("a")', { min: 1 }],
    ['self.name.matches("^[a-z]+$")', { name: 'abc' }],
    ['self.texts.all(t, t.size() < 4) && size(self.texts) == 2', { texts: ['a', 'bcd'] }],
    ['"a" in self.map && self.map["a"] == "b"', { map: { a: 'b' } }],
    [
      'self.items.exists_one(i, i.size > 1)',
      {
        items: [
          { name: 'a', size: 1 },
          { name: 'b', size: 2 },
        ],
      },
    ],
    ['self.items.map(i, i.name).isSorted()', { items: [{ name: 'a' }, { name: 'b' }] }],
    ['self.items.all(a, self.items.exists_one(b, a == b))', { items: [{ name: 'a' }, { name: 'b' }] }],
    ['type(self.port) == int ? self.port < 100 : self.port == "http"', { port: 80 }],
    ['type(self.port) == int ? self.port < 100 : self.port == "http"', { port: 'http' }],
    ['quantity(self.name).isLessThan(quantity("2Gi"))', { name: '1Gi' }],
    ['isURL(self.name) && url(self.name).getHost() == "example.com"', { name: 'https://example.com/x' }],
    ['self.map.all(k, k.startsWith("a"))', { map: { ab: 'c' } }],
    ['self.?name.orValue("none") == "none"', { min: 1 }],
    ['has(self.items[0].name) && !has(self.items[1].size)', { items: [{ name: 'a' }, { name: 'b' }] }],
    ['self.items.all(i, has(self.items.filter(j, j.name == i.name)[0].name))', { items: [{ name: 'a' }] }],
    ['!format.dns1123Label().validate(self.name).hasValue()', { name: 'ok' }],
    ['format.dns1123Label().validate(self.name).hasValue()', { name: 'Not Ok' }],
  ];
  for (const [rule, value] of holds) assert.equal(verdict(all, rule, value), 'ok', rule);
});

test('what does not hold is told with its message, its reason and its field', () => {
  assert.equal(
    verdict(all, 'self.min <= self.max', { min: 3, max: 2 }),
    'spec: Invalid value: failed rule: self.min <= self.max',
  );
  assert.equal(
    verdict(all, { rule: 'self.min <= self.max', message: 'too small' }, { min: 3, max: 2 }),
    'spec: Invalid value: too small',
  );
  const rule = {
    rule: 'self.min <= self.max',
    message: 'not this',
    messageExpression: '"max must be at least " + string(self.min)',
    reason: 'FieldValueForbidden',
    fieldPath: '.max',
  };
  assert.equal(verdict(all, rule, { min: 3, max: 2 }), 'spec.max: Forbidden: max must be at least 3');
  assert.equal(
    verdict(all, 'self.name == "a"', { min: 1 }),
    'spec: Invalid value: "object": no such key: name evaluating rule: self.name == "a"',
  );
});

test('rules below lists and maps have the path of what they are about', () => {
  const positive: Schema = { ...int, 'x-kubernetes-validations': [{ rule: 'self > 0' }] };
  const rules = rulesOf({
    type: 'object',
    properties: {
      list: { type: 'array', items: { type: 'object', properties: { n: positive } } },
      map: { type: 'object', additionalProperties: positive },
    },
  });
  const errors = rules.validate({ list: [{ n: 1 }, { n: 0 }], map: { a: -1 } }, undefined);
  assert.deepEqual(
    errors.map((one) => `${one.field}: ${one.message}`),
    ['list[1].n: Invalid value: 0: failed rule: self > 0', 'map[a]: Invalid value: -1: failed rule: self > 0'],
  );
});

test('rules about the old value count when there is one; others not for what did not change', () => {
  const immutable = { rule: 'self.name == oldSelf.name', message: 'name is immutable' };
  assert.equal(verdict(all, immutable, { name: 'a' }), 'ok');
  assert.equal(verdict(all, immutable, { name: 'b' }, { name: 'a' }), 'spec: Invalid value: name is immutable');
  assert.equal(verdict(all, 'self.min > 5', { min: 1 }, { min: 1 }), 'ok');
  assert.notEqual(verdict(all, 'self.min > 5', { min: 2 }, { min: 1 }), 'ok');
  const inItems = spec({
    items: {
      ...items,
      items: {
        type: 'object',
        properties: { name: text, size: { ...int, 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] } },
      },
    } as Schema,
  });
  const before = { spec: { items: [{ name: 'a', size: 5 }] } };
  const after = {
    spec: {
      items: [
        { name: 'new', size: 1 },
        { name: 'a', size: 4 },
      ],
    },
  };
  assert.deepEqual(
    rulesOf(inItems)
      .validate(after, { value: before })
      .map((one) => one.field),
    ['spec.items[1].size'],
  );
});

test('rules that cannot be compiled are refused, with what is wrong and where', () => {
  const told = (rule: string | object): string =>
    problems(spec(all, typeof rule === 'string' ? { rule } : rule))
      .join('; ')
      .replaceAll('.properties[spec].x-kubernetes-validations[0].', '')
      .replaceAll(/\{"Rule".*?\}/g, 'RULE');
  assert.equal(
    told('self.min <='),
    "rule: Invalid value: RULE: compilation failed: ERROR: <input>:1:12: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | self.min <=\n | ...........^",
  );
  assert.equal(
    told('self.nope == 1'),
    "rule: Invalid value: RULE: compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope == 1\n | ....^",
  );
  assert.equal(told('self.min'), 'rule: Invalid value: RULE: cel expression must evaluate to a bool');
  assert.equal(
    told({ rule: 'true', messageExpression: 'self.min' }),
    'messageExpression: Invalid value: RULE: messageExpression must evaluate to a string',
  );
  assert.equal(
    told({ rule: 'true', optionalOldSelf: true }),
    'optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule',
  );
});

test('rules that could cost too much are refused, by how much, with the most expensive ones', () => {
  const hint =
    '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';
  const rule = { rule: 'self.texts.all(a, self.texts.all(b, a != b))' };
  const at = '.properties[spec].x-kubernetes-validations[0].rule';
  assert.deepEqual(problems(spec(all, rule)), [
    `${at}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${hint}`,
    `${at}: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
    `: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${hint}`,
  ]);
  const short: Schema = { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 10 } };
  assert.deepEqual(problems(spec({ texts: short }, rule)), []);
});

test('old values are not known in lists that are no maps', () => {
  const schema = spec({
    texts: { type: 'array', items: { ...text, 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] } },
  });
  assert.deepEqual(
    problems(schema).filter((one) => one.includes('uncorrelatable')),
    [
      '.properties[spec].properties[texts].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within .properties[spec].properties[texts]',
    ],
  );
});

test('a rule that costs too much when it runs ends them all', () => {
  const many = Array.from({ length: 3_000 }, (_, index) => `t${index}`);
  assert.match(
    verdict(all, 'self.texts.all(a, self.texts.all(b, self.texts.all(c, a != b + c)))', { texts: many }),
    /'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule/,
  );
});

test('an optional old value is there for new objects too', () => {
  const rule = { rule: 'oldSelf.hasValue() ? self.min >= oldSelf.value().min : self.min == 0', optionalOldSelf: true };
  assert.equal(verdict(all, rule, { min: 0 }), 'ok');
  assert.notEqual(verdict(all, rule, { min: 1 }), 'ok');
  assert.equal(verdict(all, rule, { min: 2 }, { min: 1 }), 'ok');
  assert.notEqual(verdict(all, rule, { min: 1 }, { min: 2 }), 'ok');
});

test('names that the language cannot say are escaped', () => {
  const odd = { 'a-b': int, namespace: text, 'x.y/z': int };
  assert.equal(
    verdict(odd, 'self.a__dash__b == 1 && self.__namespace__ == "n" && self.x__dot__y__slash__z == 2', {
      'a-b': 1,
      namespace: 'n',
      'x.y/z': 2,
    }),
    'ok',
  );
});
