// A key is not decided before its informers have seen what was written for it, however long they see nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Pods } from '#api/generated/kind-references.ts';
import type { ConfigMap, Pod } from '#api/generated/types.ts';
import { administrator, startApiServer } from '#kit/start-api-server.ts';
import { seededRandom } from '#base/random.ts';
import { Scope } from '#base/scope.ts';
import { silentLogger } from '#base/log.ts';
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { create } from './action.ts';
import { createCustomKinds } from './custom-kinds.ts';
import { keyedController, keyText, read, splitKey, write } from './declaration.ts';
import { ControllerLoop } from './loop.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('while the watch of Pods is silent, no second Pod is made; afterwards the first one is seen', async () => {
  const api = await startApiServer();
  const clock = api.virtualClock;
  const held: (() => void)[] = [];
  let silent = false;
  const handle = async (request: ApiRequest): Promise<ApiResponse> => {
    const response = await api.server.handle(request);
    const { body } = response;
    if (body.type !== 'watch' || !request.path.endsWith('/pods')) return response;
    return {
      ...response,
      body: {
        ...body,
        open: (sink) =>
          body.open({
            onEnd: () => sink.onEnd(),
            onEvent: (event) => (silent ? void held.push(() => sink.onEvent(event)) : sink.onEvent(event)),
          }),
      },
    };
  };
  const client = createInProcessClient({
    handler: { handle },
    identity: administrator,
    clock,
    random: seededRandom(1),
  });
  const decisions: number[] = [];
  const controller = keyedController({
    name: 'one-pod-each',
    account: 'one-pod-each',
    reads: [read(ConfigMaps, (one: ConfigMap) => [keyText(one)]), read(Pods)],
    writes: [write(Pods, 'create')],
    snapshot: (lookup, key) => {
      const { namespace, name } = splitKey(key);
      return name.startsWith('wanted') ? lookup.list(Pods, namespace) : undefined;
    },
    decide(pods: readonly Pod[]) {
      decisions.push(pods.length);
      const pod: Pod = {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { namespace: 'default', generateName: 'one-' },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      };
      return { actions: pods.length === 0 ? [create(Pods, pod)] : [] };
    },
  });
  const loop = new ControllerLoop({
    controller,
    informers: client,
    customKinds: createCustomKinds(client, { clock, logger: silentLogger }),
    client,
    events: { event: () => undefined },
    clock,
    logger: silentLogger,
  });
  await using scope = new Scope('test', (_, error) => assert.fail(String(error)));
  await loop.start(scope);
  silent = true;
  const path = '/api/v1/namespaces/default/configmaps';
  const configMap = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'wanted' } };
  await api.create(path, configMap);
  for (let seconds = 0; seconds < 900; seconds += 5) {
    await turn();
    clock.advance(5_000);
    await turn();
    // Somebody changes it meanwhile: a reason to decide again.
    if (seconds % 60 === 0) await api.patch(`${path}/wanted`, 'merge', { data: { seconds: String(seconds) } });
  }
  assert.deepEqual(decisions, [0]);
  silent = false;
  for (const deliver of held.splice(0)) deliver();
  await turn();
  assert.deepEqual(decisions, [0, 1]);
  assert.equal((await api.get('/api/v1/namespaces/default/pods')).items.length, 1);
  await client.close();
  api.close();
});
