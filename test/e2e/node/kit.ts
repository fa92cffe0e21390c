// What the tests of this folder say often.
import { busyboxImageName } from '../../../scripts/images/stock-images.ts';
import type { Json } from '#kit/start-api-server.ts';
import type { TestNode } from './cluster.ts';
import { nodeRequest } from './node-door.ts';

export const shell = (script: string, more: Json = {}): Json => ({
  name: 'main',
  image: busyboxImageName,
  command: ['sh', '-c', script],
  ...more,
});
export const condition = (pod: Json, type: string): string | undefined =>
  pod.status.conditions?.find((one: Json) => one.type === type)?.status;

/** What is asked of one node, all over. `node` is a function, as it exists only when the tests run. */
export function onNode(node: () => TestNode) {
  const until = (name: string, what: string, check: (pod: Json) => unknown, timeoutMs?: number): Promise<Json> =>
    node().until(
      `${name} ${what}`,
      async () => {
        const pod = await node().pod(name);
        return check(pod) ? pod : undefined;
      },
      timeoutMs,
    );
  return {
    until,
    running: (name: string) => until(name, 'ready', (pod) => condition(pod, 'Ready') === 'True'),
    ended: (name: string) =>
      until(name, 'ended', (pod) => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed'),
    event: (name: string, pattern: RegExp) =>
      node().until(`${name}: event ${pattern}`, async () =>
        (await node().events(name)).find((one) => pattern.test(one)),
      ),
    remove: async (name: string) => {
      await node().api.delete(`/api/v1/namespaces/default/pods/${name}`);
    },
    gone: (name: string) =>
      node().until(`${name} gone`, async () => {
        const answer = await node().api.send('GET', `/api/v1/namespaces/default/pods/${name}`);
        return answer.status === 404;
      }),
    logs: async (path: string): Promise<string> => {
      const { body } = await node().agent.api.handle(nodeRequest(`/containerLogs/${path}`));
      let text = '';
      if (body.type === 'bytes') for (const part of body.parts) text += Buffer.from(part).toString();
      if (body.type === 'stream') for await (const chunk of body.stream) text += Buffer.from(chunk).toString();
      return text;
    },
  };
}
