// Which owners look again when one of their members changed: its controller, or, for an orphan, everyone who may adopt it.
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { controllerOf } from '#api/meta/owner.ts';
import { controllerOwner, keyText, type Lookup } from '../runtime/declaration.ts';

type Labels = KubernetesObject['metadata']['labels'];

export function wakeByMember<O extends KubernetesObject>(
  owners: KindReference<O>,
  selects: (owner: O, labels: Labels) => boolean,
): (member: KubernetesObject, lookup: Lookup) => readonly string[] {
  const owner = controllerOwner(owners);
  return (member, lookup) =>
    controllerOf(member) !== undefined
      ? owner(member)
      : lookup
          .list(owners, member.metadata.namespace)
          .filter((one) => selects(one, member.metadata.labels))
          .map(keyText);
}
