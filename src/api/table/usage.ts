// Rows of metrics.k8s.io: amounts as they are measured, a Pod's as the sum of its containers.
import type { NodeMetrics, PodMetrics } from '../generated/types.ts';
import { addQuantities, formatQuantity, parseQuantity } from '../quantity.ts';
import type { CellsOf } from './format.ts';

const resources = ['cpu', 'memory'] as const;

export const nodeMetricsCells: CellsOf<NodeMetrics> = ({ metadata, usage, window }) => [
  metadata?.name,
  ...resources.map((name) => usage[name] ?? '0'),
  window,
];

export const podMetricsCells: CellsOf<PodMetrics> = ({ metadata, containers, window }) => [
  metadata?.name,
  ...resources.map((name) =>
    formatQuantity(
      containers.reduce((sum, { usage }) => addQuantities(sum, String(usage[name] ?? '0')), parseQuantity('0')),
    ),
  ),
  window,
];
