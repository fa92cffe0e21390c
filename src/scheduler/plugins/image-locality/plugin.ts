// Nodes that have the Pod's images score higher, large images more.
import type { NodeInfo } from '../../node-info.ts';
import type { SchedulerPlugin } from '../../plugin.ts';

const megabyte = 1024 * 1024;
const bytesMin = 23 * megabyte;
const bytesMaxOfContainer = 1000 * megabyte;

/** A digest has a colon behind its last slash, too. */
const normalisedName = (image: string): string =>
  image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;

const imagesOf = ({ node }: NodeInfo): ReadonlyMap<string, number> =>
  new Map(
    (node.status?.images ?? []).flatMap((one) => (one.names ?? []).map((name) => [name, one.sizeBytes ?? 0] as const)),
  );

export const imageLocality: SchedulerPlugin = {
  name: 'ImageLocality',
  wakesOn: [],
  score: {
    weight: 1,
    of(pod, nodes, cluster) {
      const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
      const volumes = (pod.spec.volumes ?? []).flatMap((one) => one.image?.reference ?? []);
      const images = [...containers.map((one) => one.image ?? ''), ...volumes].map(normalisedName);
      const everywhere = cluster.nodes.map(imagesOf);
      // An image that few nodes have draws less, so that not every Pod goes to them.
      const spread = (image: string) => everywhere.filter((one) => one.has(image)).length / everywhere.length;
      const bytesMax = bytesMaxOfContainer * containers.length;
      return nodes.map(imagesOf).map((here) => {
        const sum = images.reduce((total, image) => total + Math.floor((here.get(image) ?? 0) * spread(image)), 0);
        const clamped = Math.min(bytesMax, Math.max(bytesMin, sum));
        return Math.floor((100 * (clamped - bytesMin)) / (bytesMax - bytesMin));
      });
    },
  },
};
