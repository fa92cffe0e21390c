import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../status.ts';
import { escapeFieldValue, parseFieldSelector } from './field-selector.ts';
import { labelSelectorMatcher, matcherFor, parseLabelSelector, validateLabelSelector } from './label-selector.ts';

for (const [selector, labels, matches] of [
  ['', { a: '1' }, true],
  ['a=1', { a: '1' }, true],
  ['a==1,b', { a: '1' }, false],
  ['a!=1', {}, true],
  ['a', { a: '' }, true],
  ['!a', { b: '' }, true],
  ['a in (1,2)', { a: '2' }, true],
  ['a notin (1, 2),b', { b: '' }, true],
  ['a in ()', { a: '' }, true],
  ['a in (,x)', { a: '' }, true],
  ['a>5', { a: '6' }, true],
  ['a<5', { a: 'x' }, false],
  ['a=', { a: '' }, true],
  ['in=notin', { in: 'notin' }, true],
] as const)
  test(`label selector '${selector}' and ${JSON.stringify(labels)}: ${matches}`, () =>
    assert.equal(parseLabelSelector(selector).matches(labels), matches));

for (const [selector, text] of [
  ['a,', "found '', expected: identifier after ','"],
  [',a', "found ',', expected: !, identifier, or 'end of string'"],
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['a in x', "unable to parse requirement: found 'x' expected: '('"],
  ['a in (x y)', "unable to parse requirement: found 'y', expected: ',' or ')'"],
  [
    'a>b',
    `unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer`,
  ],
  ['/a=b', 'unable to parse requirement: <nil>: Invalid value: "/a": prefix part must be non-empty'],
] as const)
  test(`label selector '${selector}' is refused`, () =>
    assert.throws(
      () => parseLabelSelector(selector),
      (error) => error instanceof ApiError && error.code === 400 && error.message === text,
    ));

test('the string form is canonical', () =>
  assert.equal(parseLabelSelector('z notin (b,a), !y ,x>1,a==b').toString(), 'a==b,x>1,!y,z notin (a,b)'));

test('a LabelSelector object selects as its parts say; none selects nothing', () => {
  const matcher = labelSelectorMatcher({
    matchLabels: { app: 'web' },
    matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['db'] }],
  });
  assert.equal(matcher.matches({ app: 'web' }), true);
  assert.equal(matcher.matches({ app: 'web', tier: 'db' }), false);
  assert.equal(labelSelectorMatcher({}).matches(undefined), true);
  assert.equal(labelSelectorMatcher(undefined).matches({}), false);
  assert.equal(matcherFor({ matchExpressions: [{ key: 'a', operator: 'Near' }] }).matches({ a: '' }), false);
});

test('a broken LabelSelector is explained with paths', () =>
  assert.deepEqual(
    validateLabelSelector(
      {
        matchExpressions: [
          { key: 'a', operator: 'In' },
          { key: 'b', operator: 'Exists', values: ['x'] },
          { key: 'c', operator: 'Is' },
        ],
      },
      'spec.selector',
    ).map((one) => `${one.field}: ${one.message}`),
    [
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      'spec.selector.matchExpressions[2].operator: Invalid value: "Is": not a valid selector operator',
    ],
  ));

const supported = ['metadata.name', 'metadata.namespace', 'status.phase'];
test('field selectors compare strings; an absent field is empty', () => {
  const matcher = parseFieldSelector('status.phase!=Running,metadata.name==web', supported);
  assert.equal(matcher.matches({ 'metadata.name': 'web' }), true);
  assert.equal(matcher.matches({ 'metadata.name': 'web', 'status.phase': 'Running' }), false);
  assert.equal(matcher.exactValue('metadata.name'), 'web');
  assert.equal(matcher.exactValue('status.phase'), undefined);
  const odd = 'a=b,c\\d';
  assert.equal(
    parseFieldSelector(`metadata.name=${escapeFieldValue(odd)}`, supported).matches({ 'metadata.name': odd }),
    true,
  );
});

for (const [selector, fields, text] of [
  ['spec.x=1', supported, 'field label not supported: spec.x'],
  ['spec.x=1', ['metadata.name'], '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'],
  ['phase', supported, "invalid selector: 'phase'; can't understand 'phase'"],
  ['status.phase=a\\b', supported, 'invalid field selector: invalid escape sequence: \\b'],
  ['status.phase=a=b', supported, 'invalid field selector: unescaped character in value: 61'],
] as const)
  test(`field selector '${selector}' is refused: ${text}`, () =>
    assert.throws(
      () => parseFieldSelector(selector, fields),
      (error) => error instanceof ApiError && error.code === 400 && error.message === text,
    ));
