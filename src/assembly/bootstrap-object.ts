// One object that the assembly keeps in the cluster.
import type { KindReference, KubernetesObject } from '#api/kind.ts';

export interface BootstrapObject {
  readonly kind: KindReference;
  readonly object: KubernetesObject;
  /** What is there stays as it is: only its absence is corrected. */
  readonly keepChanges?: boolean;
}
