import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUser } from './unprivileged-user.ts';

test('the first user that there is; never root', () => {
  const passwd =
    'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nhaproxy:x:101:102::/:/bin/false\nbroken\n';
  assert.deepEqual(findUser(passwd, ['haproxy', 'nobody']), { userId: 101, groupId: 102 });
  assert.deepEqual(findUser(passwd, ['gone', 'nobody']), { userId: 65534, groupId: 65534 });
  for (const name of ['root', 'gone', 'broken']) assert.equal(findUser(passwd, [name]), undefined);
});
