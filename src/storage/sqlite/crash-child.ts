// Started by store.test.ts: writes until it is killed, and prints each acknowledged write.
import { systemClock } from '#base/clock.ts';
import { openSqliteStore } from './store.ts';

const [path = '', life = ''] = process.argv.slice(2);
const store = await openSqliteStore({ path, clock: systemClock });
process.stdout.write(`start ${store.revision}\n`);

async function write(writer: number): Promise<never> {
  for (let count = 0; ; count++) {
    const lazy = count % 4 === 3;
    const name = `w${writer}-${lazy ? 'lazy' : count % 5}`;
    const key = `/registry/configmaps/default/${name}`;
    const result = await store.write({
      key,
      expectedRevision: store.get(key)?.revision ?? 0,
      object: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, annotations: { value: `${life}-${count}` } },
      },
      durability: lazy ? 'lazy' : 'durable',
    });
    if (!result.ok) throw new Error(`unexpected conflict at ${key}`);
    process.stdout.write(`${lazy ? 'lazy' : 'durable'} ${key} ${result.stored.revision} ${life}-${count}\n`);
  }
}
await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
