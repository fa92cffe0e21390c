// How many Pods of each node a selector selects, counted again only where Pods came or went: Pods of one workload are scheduled one after
// the other, and each asks the same of every node.
import type { Pod } from '#api/generated/types.ts';
import type { NodeInfo } from './node-info.ts';

/** Workloads that are scheduled at the same time; of each there is a number for every node. */
const selectionsMax = 32;

interface Counted {
  version: number;
  count: number;
}

export class PodCounts {
  /** By key, the one that was not used for longest first. */
  readonly #selections = new Map<string, WeakMap<NodeInfo, Counted>>();

  /** `key` says all that `matches` looks for. */
  of(key: string, matches: (pod: Pod) => boolean): (info: NodeInfo) => number {
    const known = this.#selections.get(key) ?? new WeakMap<NodeInfo, Counted>();
    this.#selections.delete(key);
    this.#selections.set(key, known);
    if (this.#selections.size > selectionsMax) this.#selections.delete(this.#selections.keys().next().value!);
    return (info) => {
      let counted = known.get(info);
      if (counted?.version === info.version) return counted.count;
      if (counted === undefined) known.set(info, (counted = { version: -1, count: 0 }));
      counted.version = info.version;
      counted.count = 0;
      for (const pod of info.pods.values()) if (matches(pod)) counted.count++;
      return counted.count;
    };
  }
}
