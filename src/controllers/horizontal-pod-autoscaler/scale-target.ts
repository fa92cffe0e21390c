// The scale of what an autoscaler scales, of any kind that has one.
import type { Scale } from '#api/generated/types.ts';
import { ApiError } from '#api/status.ts';
import type { Client } from '#client/client.ts';
import type { NamedResource } from './kinds.ts';

const conflictRetriesMax = 5;

export interface ScaleTarget {
  readonly scale: Scale;
  readonly path: string;
  readonly resource: NamedResource;
}

export function scalePath({ group, version, resource }: NamedResource, namespace: string, name: string): string {
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${base}/namespaces/${encodeURIComponent(namespace)}/${resource}/${encodeURIComponent(name)}/scale`;
}

/** The target may change meanwhile: then its newest scale is written. */
export async function writeScale(client: Client, target: ScaleTarget, replicas: number): Promise<void> {
  const { resource, path } = target;
  let { scale } = target;
  const kind = { ...resource, kind: 'Scale', namespaced: true };
  for (let tries = 1; ; tries++) {
    try {
      await client
        .resource<Scale>(kind)
        .update({ ...scale, spec: { ...scale.spec, replicas } }, { subresource: 'scale' });
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== 'Conflict' || tries >= conflictRetriesMax) throw error;
      scale = (await client.read(path)) as Scale;
    }
  }
}
