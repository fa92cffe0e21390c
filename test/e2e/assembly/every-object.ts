// Everything that the API of a process has, whatever it is.
import assert from 'node:assert/strict';
import type { KubernetesObject } from '#api/kind.ts';
import { ask } from './microshift-process.ts';

export type Objects = ReadonlyMap<string, { readonly resource: string; readonly object: KubernetesObject }>;

interface ResourceLists {
  readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
}
export const json = async <T>(dataDirectory: string, at: string): Promise<T> => {
  const { status, text } = await ask(dataDirectory, 'GET', at);
  assert.equal(status, 200, `${at}: ${text}`);
  return JSON.parse(text) as T;
};

/** Every object that the API has, by uid; at that revision, or now. `skipped`: lists that answer with one of these codes count as empty. */
export async function everything(
  dataDirectory: string,
  revision?: number,
  skipped: readonly number[] = [],
): Promise<Objects> {
  const { groups } = await json<{ groups: { versions: { groupVersion: string }[] }[] }>(dataDirectory, '/apis');
  const versions = ['/api/v1', ...groups.flatMap((group) => group.versions.map((one) => `/apis/${one.groupVersion}`))];
  const found = new Map<string, { resource: string; object: KubernetesObject }>();
  const query = revision === undefined ? '' : `?resourceVersion=${revision}&resourceVersionMatch=Exact`;
  const lists = await Promise.all(
    versions.map(async (version) => {
      // An APIService of a server that is not there.
      if (version.includes('.services.differential.')) return [];
      const { resources } = await json<ResourceLists>(dataDirectory, version);
      const stored = resources.filter(({ verbs }) => verbs.includes('list') && verbs.includes('watch'));
      return Promise.all(
        stored.map(async ({ name }) => {
          const { status, text } = await ask(dataDirectory, 'GET', `${version}/${name}${query}`);
          if (skipped.includes(status)) return { resource: name, items: [] };
          assert.equal(status, 200, `${version}/${name}: ${text}`);
          return { resource: name, ...(JSON.parse(text) as { items: KubernetesObject[] }) };
        }),
      );
    }),
  );
  for (const { resource, items } of lists.flat())
    for (const object of items) {
      const uid = object.metadata.uid;
      // The same in another version, or as another kind (projects).
      if (uid !== undefined && !found.has(uid)) found.set(uid, { resource, object: plain(object) });
    }
  return found;
}

/** Items of lists do not say what they are. */
export const plain = ({ kind: _kind, apiVersion: _version, ...rest }: KubernetesObject): KubernetesObject =>
  JSON.parse(JSON.stringify(rest)) as KubernetesObject;
