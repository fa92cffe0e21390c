// What the bench measures: DESIGN's budgets, a row each. Nothing is measured here.

export interface Row {
  readonly id: string;
  readonly quantity: string;
  readonly unit: string;
  readonly better: 'less' | 'more';
  /** In `unit`. */
  readonly budget?: number;
  /** So many times better than upstream in the same run. */
  readonly ratioBudget?: number;
  /** Its ratio repeats well enough for `--gate`. Those of tails and of what is nearly nothing do not. */
  readonly isGated?: boolean;
}

const load = (id: string, quantity: string, ratioBudget: number): readonly Row[] => [
  { id, quantity, unit: '/s', better: 'more', ratioBudget, isGated: true },
  { id: `${id}-p99`, quantity: '  its p99', unit: 'ms', better: 'less' },
  // Without a budget: the client shares the two processors with the load, and its own waits are in it. The server's part is the row below.
  { id: `${id}-light`, quantity: '  p99 of a light request meanwhile', unit: 'ms', better: 'less' },
  { id: `${id}-turn`, quantity: "  p99 of the event loop's turns", unit: 'ms', better: 'less', budget: 20 },
];

/** In the order in which they are printed. */
export const rows: readonly Row[] = [
  {
    id: 'first-readyz',
    quantity: 'first start, exec to /readyz',
    unit: 's',
    better: 'less',
    budget: 0.8,
    isGated: true,
  },
  { id: 'first-ready', quantity: 'first start, everything ready', unit: 's', better: 'less', budget: 3 },
  {
    id: 'later-readyz',
    quantity: 'later start, exec to /readyz',
    unit: 's',
    better: 'less',
    budget: 0.4,
    isGated: true,
  },
  { id: 'later-ready', quantity: 'later start, everything ready', unit: 's', better: 'less', budget: 3 },
  {
    id: 'idle-memory',
    quantity: 'idle resident memory, all roles and router',
    unit: 'MB',
    better: 'less',
    budget: 150,
  },
  { id: 'idle-anonymous', quantity: '  of it anonymous', unit: 'MB', better: 'less' },
  {
    id: 'idle-memory-control-plane',
    quantity: 'idle resident memory, control plane alone',
    unit: 'MB',
    better: 'less',
    budget: 90,
    isGated: true,
  },
  { id: 'idle-anonymous-control-plane', quantity: '  of it anonymous', unit: 'MB', better: 'less' },
  { id: 'idle-cpu', quantity: 'idle CPU', unit: '% of a core', better: 'less', budget: 0.5, isGated: true },
  { id: 'idle-writes', quantity: 'idle disk writes', unit: 'KB/s', better: 'less', budget: 1 },
  { id: 'idle-fsyncs', quantity: 'idle syncs, in 30 s', unit: '', better: 'less', budget: 1 },
  { id: 'one-pod', quantity: 'one Pod, create to Ready, median of 5', unit: 's', better: 'less', budget: 0.4 },
  { id: 'pods', quantity: '50 Pods at once, all Ready', unit: 's', better: 'less', budget: 6.5 },
  { id: 'full-memory', quantity: '250 Pods: more memory than without', unit: 'MB', better: 'less', budget: 60 },
  { id: 'full-cpu', quantity: '  idle CPU with them', unit: '% of a core', better: 'less', budget: 5 },
  ...load('get', 'GET a Pod, 32 connections', 5),
  ...load('list', 'LIST 200 ConfigMaps, 8 connections', 4),
  ...load('patch', 'PATCH a ConfigMap, 32 connections', 4),
  ...load('create', 'CREATE a ConfigMap, 32 connections', 4),
  ...load('page', 'LIST a page of 500, 4 connections', 4),
  {
    id: 'load-memory',
    quantity: 'memory after 10,000 objects and that load',
    unit: 'MB',
    better: 'less',
    budget: 250,
    isGated: true,
  },
  { id: 'executable', quantity: 'executable', unit: 'MB', better: 'less', budget: 124, isGated: true },
];

/** What can be measured without the rest. */
export const parts = ['start', 'idle', 'pods', 'load', 'size'] as const;
export type Part = (typeof parts)[number];

export function partOf(id: string): Part {
  if (id.startsWith('first-') || id.startsWith('later-')) return 'start';
  if (id.startsWith('idle-')) return 'idle';
  if (id === 'one-pod' || id === 'pods' || id.startsWith('full-')) return 'pods';
  return id === 'executable' ? 'size' : 'load';
}
