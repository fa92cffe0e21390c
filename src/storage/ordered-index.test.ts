import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fraction, seededRandom } from '#base/random.ts';
import { OrderedIndex } from './ordered-index.ts';

test('it is a sorted list, whatever was put in and taken out', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(fraction(random) * limit);
    const index = new OrderedIndex<{ readonly key: string; readonly round: number }>();
    const model = new Map<string, number>();
    const prefixes = ['/r/a/', '/r/a/x/', '/r/b/', '/r/b0/', '/r/c/'];
    for (let round = 0; round < 20_000; round++) {
      const key = `${prefixes[below(prefixes.length)]}${below(1_500)}`;
      // Grows, then shrinks to nothing, so that blocks are split, merged and removed.
      const grows = round < 10_000 ? below(10) < 8 : below(10) < 1;
      if (grows) {
        index.set({ key, round });
        model.set(key, round);
      } else {
        const victim = round < 10_000 || below(2) === 0 ? key : (index.list('/r/', undefined, 1).items[0]?.key ?? key);
        index.delete(victim);
        model.delete(victim);
      }
      if (round % 500 !== 0) continue;
      const sorted = [...model.keys()].toSorted((a, b) => (a < b ? -1 : 1));
      assert.deepEqual(
        [...index.values()].map((one) => one.key),
        sorted,
      );
      for (const prefix of [...prefixes, '/r/', '/q/', '/s/']) {
        const expected = sorted.filter((one) => one.startsWith(prefix));
        assert.equal(index.count(prefix), expected.length);
        const startAfter = below(3) === 0 ? undefined : `${prefix}${below(1_500)}`;
        const limit = below(3) === 0 ? Infinity : below(700);
        const behind = expected.filter((one) => startAfter === undefined || one > startAfter);
        const { items, remaining } = index.list(prefix, startAfter, limit);
        assert.deepEqual(
          items.map((one) => one.key),
          behind.slice(0, limit),
        );
        assert.equal(remaining, behind.length - items.length);
      }
      assert.equal(index.get(key)?.round, model.get(key));
    }
  }
});
