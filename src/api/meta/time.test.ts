import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageOf, formatMicroTime, formatTime, humanDuration, parseTime } from './time.ts';

const [minute, hour, day, year] = [60_000, 3_600_000, 86_400_000, 365 * 86_400_000] as const;
for (const [milliseconds, text] of [
  [-5_000, '<invalid>'],
  [-1_500, '0s'],
  [0, '0s'],
  [119_000, '119s'],
  [2 * minute, '2m'],
  [3 * minute + 20_000, '3m20s'],
  [10 * minute + 5_000, '10m'],
  [179 * minute, '179m'],
  [3 * hour, '3h'],
  [7 * hour + minute, '7h1m'],
  [47 * hour, '47h'],
  [2 * day, '2d'],
  [4 * day + 2 * hour, '4d2h'],
  [8 * day + hour, '8d'],
  [2 * year, '2y'],
  [2 * year + 30 * day, '2y30d'],
  [9 * year + day, '9y'],
] as const)
  test(`${milliseconds} ms is ${text}`, () => assert.equal(humanDuration(milliseconds), text));

test('times are RFC 3339 in UTC and back', () => {
  assert.equal(formatTime(1_700_000_000_999), '2023-11-14T22:13:20Z');
  assert.equal(formatMicroTime(1_700_000_000_123), '2023-11-14T22:13:20.123000Z');
  assert.equal(parseTime('2023-11-14T23:13:20+01:00'), 1_700_000_000_000);
  assert.equal(parseTime('2023-11-14'), undefined);
  assert.equal(ageOf(undefined, 0), '<unknown>');
  assert.equal(ageOf('2023-11-14T22:13:20Z', 1_700_000_005_000), '5s');
});
