// Pods whose ResourceClaims are not there yet: they do not enter the queue, and no attempt is made (upstream's PreEnqueue).
import type { Pod } from '#api/generated/types.ts';
import type { DevicesSnapshot } from './plugins/dynamic-resources/device-book.ts';
import { claimsOf } from './plugins/dynamic-resources/pod-claims.ts';

export class HeldPods {
  readonly #devices: DevicesSnapshot;
  /** By namespace and uid: as many as the API server has. */
  readonly #pods = new Map<string, Map<string, Pod>>();

  constructor(devices: DevicesSnapshot) {
    this.#devices = devices;
  }
  get size(): number {
    return this.#pods.values().reduce((sum, one) => sum + one.size, 0);
  }
  /** True: the Pod waits here. */
  hold(pod: Pod): boolean {
    this.remove(pod);
    if (typeof claimsOf(pod, this.#devices) !== 'string') return false;
    const namespace = pod.metadata.namespace!;
    const pods = this.#pods.get(namespace) ?? new Map<string, Pod>();
    this.#pods.set(namespace, pods.set(pod.metadata.uid!, pod));
    return true;
  }
  remove(pod: Pod): void {
    const pods = this.#pods.get(pod.metadata.namespace!);
    if (pods?.delete(pod.metadata.uid!) === true && pods.size === 0) this.#pods.delete(pod.metadata.namespace!);
  }
  /** A claim of the namespace has changed: those that need not wait here any more. */
  take(namespace: string): readonly Pod[] {
    return [...(this.#pods.get(namespace)?.values() ?? [])].filter((pod) => !this.hold(pod));
  }
}
