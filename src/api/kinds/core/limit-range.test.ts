// A limit range is judged as upstream does: names, types and bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LimitRange, LimitRangeItem } from '../../generated/types.ts';
import { limitRange } from './limit-range.ts';

const told = (limit: Partial<LimitRangeItem>): string[] =>
  limitRange.validate!({ metadata: { name: 'a' }, spec: { limits: [limit as LimitRangeItem] } } as LimitRange).map(
    ({ field, message }) => `${field.replace('spec.limits[0].', '')}: ${message}`,
  );

test('a limit range is judged in the words of upstream', () => {
  assert.deepEqual(told({ type: 'Pod', default: { one: '1' } }), [
    "default: Forbidden: may not be specified when `type` is 'Pod'",
  ]);
  assert.deepEqual(told({ type: 'Else' }), [
    'type: Invalid value: "Else": must be a standard limit type or fully qualified',
  ]);
  assert.deepEqual(told({ type: 'PersistentVolumeClaim' }), [
    'limits: Required value: either minimum or maximum storage value is required, but neither was provided',
  ]);
  assert.deepEqual(
    told({ type: 'Container', min: { cpu: '3' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '4' } }),
    [
      'min[cpu]: Invalid value: "3": min value 3 is greater than max value 2',
      'maxLimitRequestRatio[cpu]: Invalid value: "4": ratio 4 is greater than max/min = 0.666667',
    ],
  );
  assert.deepEqual(
    told({ type: 'Container', min: { cpu: '500m' }, max: { cpu: '1' }, maxLimitRequestRatio: { cpu: '2' } }),
    [],
  );
  assert.deepEqual(told({ type: 'Container', default: { cpu: '1' }, min: { cpu: '2' } }), [
    'default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
  ]);
  assert.deepEqual(
    told({ type: 'Container', default: { 'example.com/gpu': '1' }, defaultRequest: { 'example.com/gpu': '0' } }),
    [
      'defaultRequest[example.com/gpu]: Invalid value: "0": default value 1 must equal to defaultRequest value 0 in example.com/gpu',
    ],
  );
});
