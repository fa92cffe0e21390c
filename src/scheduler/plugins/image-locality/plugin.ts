// Nodes that have the Pod's images score higher, large images more.
import type { SchedulerPlugin } from '../../plugin.ts';

const megabyte = 1024 * 1024;
const bytesMin = 23 * megabyte;
const bytesMaxOfContainer = 1000 * megabyte;

const normalisedName = (image: string): string => {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') || image.includes('@') ? image : `${image}:latest`;
};

export const imageLocality: SchedulerPlugin = {
  name: 'ImageLocality',
  wakesOn: [],
  score: {
    weight: 1,
    of(pod, nodes, cluster) {
      const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
      const images = containers.map((one) => normalisedName(one.image ?? ''));
      const sizes = nodes.map(
        ({ node }) =>
          new Map(
            (node.status?.images ?? []).flatMap((one) =>
              (one.names ?? []).map((name) => [name, one.sizeBytes ?? 0] as const),
            ),
          ),
      );
      const spread = (image: string) =>
        sizes.filter((one) => one.has(image)).length / Math.max(1, cluster.nodes.length);
      const bytesMax = bytesMaxOfContainer * containers.length;
      return sizes.map((here) => {
        const sum = images.reduce((total, image) => total + Math.floor((here.get(image) ?? 0) * spread(image)), 0);
        const clamped = Math.min(bytesMax, Math.max(bytesMin, sum));
        return Math.floor((100 * (clamped - bytesMin)) / (bytesMax - bytesMin));
      });
    },
  },
};
