import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store } from '#storage/store.ts';
import { ApiServers } from './api-servers.ts';

class Address {
  current: string;
  #listener: (() => void) | undefined;
  constructor(current: string) {
    this.current = current;
  }
  onChange(listener: () => void): Disposable {
    this.#listener = listener;
    return { [Symbol.dispose]: () => (this.#listener = undefined) };
  }
  change(to: string): void {
    this.current = to;
    this.#listener?.();
  }
}

type Seen = ConstructorParameters<typeof ApiServers>[0]['store'];

async function scenario(
  run: (
    begin: (address: Address, seen?: (store: Store) => Seen) => Promise<ApiServers>,
    pass: (ms: number) => Promise<void>,
  ) => unknown,
) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const store = createMemoryStore({ clock });
  await run(
    async (address, seen = (own) => own) => {
      const servers = new ApiServers({ store: seen(store), address, clock, logger: silentLogger });
      await servers.start();
      return servers;
    },
    async (ms) => {
      for (let passed = 0; passed < ms; passed += 1_000) {
        clock.advance(1_000);
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
    },
  );
  await store.close();
  assert.equal(clock.nextTimerAt(), undefined);
}

test('each is seen by all while it lives, also by those that came before', () =>
  scenario(async (begin, pass) => {
    const one = await begin(new Address('10.0.0.2'));
    const told: string[] = [];
    one.onChange(() => told.push(one.addresses.join()));
    const two = await begin(new Address('10.0.0.1'));
    await pass(60_000);
    assert.deepEqual(two.addresses, ['10.0.0.1', '10.0.0.2']);
    assert.deepEqual(told, ['10.0.0.1,10.0.0.2'], 'a renewal is no change');
    await two.close();
    assert.deepEqual(told.at(-1), '10.0.0.2');
    await one.close();
  }));

test('one that dies is forgotten after some seconds, one that cannot write does not forget itself', () =>
  scenario(async (begin, pass) => {
    const one = await begin(new Address('10.0.0.1'));
    let isDead = false;
    const two = await begin(new Address('10.0.0.2'), (store) => ({
      get: (key) => store.get(key),
      list: (prefix) => store.list(prefix),
      watch: (...given) => store.watch(...given),
      get revision() {
        return store.revision;
      },
      write: (request) => (isDead ? Promise.reject(new Error('dead')) : store.write(request)),
    }));
    await pass(30_000);
    assert.deepEqual(one.addresses, ['10.0.0.1', '10.0.0.2']);
    isDead = true;
    await pass(30_000);
    assert.deepEqual(one.addresses, ['10.0.0.1']);
    assert.deepEqual(two.addresses, ['10.0.0.1', '10.0.0.2']);
    await one.close();
    await two.close();
  }));

test('a new address takes the place of the old one', () =>
  scenario(async (begin, pass) => {
    const address = new Address('10.0.0.1');
    const one = await begin(address);
    const other = await begin(new Address('10.0.0.9'));
    address.change('10.0.0.5');
    await pass(1_000);
    assert.deepEqual(other.addresses, ['10.0.0.5', '10.0.0.9']);
    await one.close();
    await other.close();
  }));
