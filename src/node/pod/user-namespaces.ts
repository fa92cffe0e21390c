// Host ids of Pods with their own user namespace (hostUsers: false): 65,536 a Pod, of blocks that nobody else has. Each Pod's
// directory records its block, so that it keeps it when the agent starts again.
import type { NodeMachine } from '#host/node-machine.ts';
import type { IdMapping } from '../cri/messages.ts';

/** What a user namespace maps: ids of Pods begin above the host's own. */
const idsPerPod = 65_536;

export class UserNamespaces {
  readonly #machine: NodeMachine;
  readonly #blocks = new Map<string, number>();
  readonly #blocksMax: number;

  constructor(machine: NodeMachine, podsMax: number) {
    this.#machine = machine;
    this.#blocksMax = podsMax;
  }

  /** Once, before the first Pod: who has a block already. */
  async load(podsDirectory: string): Promise<void> {
    for (const uid of await this.#machine.list(podsDirectory)) {
      const recorded = Number((await this.#machine.readText(`${podsDirectory}/${uid}/userns`)) ?? '');
      if (Number.isInteger(recorded) && recorded > 0) this.#blocks.set(uid, recorded);
    }
  }

  async mappings(podUid: string, podDirectory: string): Promise<readonly IdMapping[]> {
    let block = this.#blocks.get(podUid);
    if (block === undefined) {
      const used = new Set(this.#blocks.values());
      for (block = 1; used.has(block); block++);
      if (block > this.#blocksMax) throw new Error('all user namespace ids of this node are in use');
      this.#blocks.set(podUid, block);
      await this.#machine.makeDirectory(podDirectory, 0o750);
      await this.#machine.write(`${podDirectory}/userns`, String(block), 0o600);
    }
    return [{ hostId: block * idsPerPod, containerId: 0, length: idsPerPod }];
  }

  release(podUid: string): void {
    this.#blocks.delete(podUid);
  }
}
