import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Interval, type Model, search } from './search.ts';

interface Step {
  readonly write?: number;
  readonly read?: number;
}
const register: Model<number, Step> = {
  initial: 0,
  step: (state, { write, read }) => write ?? (read === state ? state : undefined),
  textOf: String,
  kindOf: ({ write }) => String(write),
};
const at = (call: number, end: number, step: Step): Interval<Step> => ({ step, call, end });
const verdict = (...intervals: Interval<Step>[]) => search(intervals, register).type;

test('one after the other, each read sees the last write', () => {
  assert.equal(
    verdict(at(1, 2, { write: 1 }), at(3, 4, { read: 1 }), at(5, 6, { write: 2 }), at(7, 8, { read: 2 })),
    'linearizable',
  );
  assert.equal(verdict(at(1, 2, { write: 1 }), at(3, 4, { write: 2 }), at(5, 6, { read: 1 })), 'impossible');
});

test('a read beside a write sees either, but no reader goes back behind another', () => {
  const write = [at(1, 2, { write: 1 }), at(3, 20, { write: 2 })];
  assert.equal(verdict(...write, at(4, 5, { read: 1 }), at(6, 7, { read: 2 })), 'linearizable');
  assert.equal(verdict(...write, at(4, 5, { read: 2 }), at(6, 7, { read: 1 })), 'impossible');
  assert.equal(verdict(...write, at(4, 8, { read: 2 }), at(6, 7, { read: 1 })), 'linearizable');
});

test('a write without an answer is done never, late, or at once, and once', () => {
  const write = [at(1, 2, { write: 1 }), at(3, Infinity, { write: 2 })];
  assert.equal(verdict(...write, at(4, 5, { read: 1 })), 'linearizable');
  assert.equal(verdict(...write, at(4, 5, { read: 1 }), at(6, 7, { read: 1 }), at(8, 9, { read: 2 })), 'linearizable');
  assert.equal(verdict(...write, at(4, 5, { read: 2 }), at(6, 7, { read: 1 })), 'impossible');
  assert.equal(
    verdict(at(3, Infinity, { write: 2 }), at(1, 2, { read: 2 })),
    'impossible',
    'not before it was asked for',
  );
});

test('a hundred writes without an answer are no more to try than one', () => {
  const lost = Array.from({ length: 100 }, (_, index) => at(3 + index / 100, Infinity, { write: 2 }));
  const reads = Array.from({ length: 50 }, (_, index) =>
    at(10 + index, 10.5 + index, { read: index % 2 === 0 ? 2 : 1 }),
  );
  const written = Array.from({ length: 26 }, (_, index) => at(9.6 + 2 * index, 10.6 + 2 * index + 0.7, { write: 1 }));
  assert.equal(search([...lost, ...reads, ...written], register, 10_000).type, 'linearizable');
  assert.equal(search([...lost, ...reads, at(200, 201, { read: 3 })], register, 10_000).type, 'impossible');
});

test('what does not fit is named, with what was before it', () => {
  const found = search([at(1, 2, { write: 1 }), at(3, 4, { write: 2 }), at(5, 6, { read: 7 })], register);
  assert.deepEqual(found, { type: 'impossible', blocked: { read: 7 }, order: [{ write: 1 }, { write: 2 }] });
});

test('hundreds of operations, six at a time, are decided at once', () => {
  const many: Interval<Step>[] = [];
  for (let index = 0; index < 600; index++) {
    const from = Math.floor(index / 6) * 100;
    many.push(at(from + (index % 6), from + 50 + (index % 6), { write: index }));
    if (index % 6 === 5) many.push(at(from + 90, from + 91, { read: index - 2 }));
  }
  assert.equal(search(many, register).type, 'linearizable');
  // The last write of all can not have been one of the first six.
  assert.equal(search([...many, at(20_000, 20_001, { read: 3 })], register).type, 'impossible');
});

test('it gives up, and says so, where the orders are too many', () => {
  // Sums tell every order apart only by their sets: 2^24 of them.
  const sums: Model<number, number> = {
    initial: 0,
    step: (state, add) => (add === 0 ? undefined : state + add),
    textOf: String,
    kindOf: String,
  };
  const open = Array.from({ length: 24 }, (_, index) => ({ step: 2 ** index, call: index, end: 100 }));
  assert.equal(search([...open, { step: 0, call: 200, end: 201 }], sums, 1_000).type, 'undecided');
});
