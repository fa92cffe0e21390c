// Paths that a command must know when nothing runs.
import path from 'node:path';

/** Emptied by a reboot. */
export const runDirectory = '/run/microshift';
/** Which cluster's containers are ours: the uid of the namespace kube-system. */
export const clusterIdPath = (dataDirectory: string): string => path.join(dataDirectory, 'cluster-id');
