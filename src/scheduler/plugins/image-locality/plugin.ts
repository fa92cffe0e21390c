// Nodes that have the Pod's images score higher, large images more.
import type { NodeInfo } from '../../node-info.ts';
import type { SchedulerPlugin } from '../../plugin.ts';

const megabyte = 1024 * 1024;
const bytesMin = 23 * megabyte;
const bytesMaxOfContainer = 1000 * megabyte;

/** A digest has a colon behind its last slash, too. */
const normalisedName = (image: string): string =>
  image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;

type Images = NonNullable<NonNullable<NodeInfo['node']['status']>['images']>;
const none: ReadonlyMap<string, number> = new Map();
/** A node's list changes seldom, and every Pod asks. */
const read = new WeakMap<Images, ReadonlyMap<string, number>>();

function imagesOf({ node }: NodeInfo): ReadonlyMap<string, number> {
  const images = node.status?.images;
  if (images === undefined || images.length === 0) return none;
  let sizes = read.get(images);
  if (sizes === undefined) {
    sizes = new Map(images.flatMap((one) => (one.names ?? []).map((name) => [name, one.sizeBytes ?? 0] as const)));
    read.set(images, sizes);
  }
  return sizes;
}

export const imageLocality: SchedulerPlugin = {
  name: 'ImageLocality',
  wakesOn: [],
  score: {
    weight: 1,
    of(pod, nodes, cluster) {
      const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
      const volumes = (pod.spec.volumes ?? []).flatMap((one) => one.image?.reference ?? []);
      const images = [...containers.map((one) => one.image ?? ''), ...volumes].map(normalisedName);
      const counts = images.map(() => 0);
      for (const node of cluster.nodes) {
        const here = imagesOf(node);
        if (here.size > 0) for (const [index, image] of images.entries()) if (here.has(image)) counts[index]! += 1;
      }
      if (counts.every((count) => count === 0)) return nodes.map(() => 0);
      // An image that few nodes have draws less, so that not every Pod goes to them.
      const spread = counts.map((count) => count / cluster.nodes.length);
      const bytesMax = bytesMaxOfContainer * containers.length;
      return nodes.map(imagesOf).map((here) => {
        const sum = images.reduce(
          (total, image, index) => total + Math.floor((here.get(image) ?? 0) * spread[index]!),
          0,
        );
        const clamped = Math.min(bytesMax, Math.max(bytesMin, sum));
        return Math.floor((100 * (clamped - bytesMin)) / (bytesMax - bytesMin));
      });
    },
  },
};
