// The parts of the server that looking after other servers needs.
import type { Server } from '../context.ts';

export type AggregationParts = Pick<Server, 'options' | 'kinds' | 'apiServices' | 'metrics'>;
