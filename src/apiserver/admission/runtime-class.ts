// A Pod's RuntimeClass must be there; what it says about overhead and placement becomes the Pod's.
import type { Pod, Quantity, RuntimeClass, Toleration } from '#api/generated/types.ts';
import { RuntimeClasses } from '#api/generated/kind-references.ts';
import type { Mutable } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import { compareQuantities } from '#api/quantity.ts';
import { forbiddenError } from '#api/status.ts';
import { semanticEqual } from '#api/validation/fields.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isCreate, only } from './operations.ts';
import { refusedName } from './refused-name.ts';

type Amounts = Readonly<Record<string, Quantity>>;

const refuse = (pod: Pod, text: string) => forbiddenError({ group: '', resource: 'pods' }, refusedName('', pod), text);

function classOf(pod: Pod, server: Server): RuntimeClass | undefined {
  const name = pod.spec.runtimeClassName;
  if (name === undefined) return undefined;
  const found = server.options.store.get(storageKey(RuntimeClasses, undefined, name))?.object();
  if (found === undefined) throw refuse(pod, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found as RuntimeClass;
}

const sameAmounts = (one: Amounts, other: Amounts): boolean =>
  Object.keys(one).length === Object.keys(other).length &&
  Object.entries(one).every(
    ([name, amount]) => Object.hasOwn(other, name) && compareQuantities(String(amount), String(other[name])) === 0,
  );
const mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

/** `wide` tolerates all that `narrow` does. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  if (semanticEqual(wide, narrow)) return true;
  const [key, effect] = [wide.key ?? '', wide.effect ?? ''];
  if ((narrow.key ?? '') !== key && (key !== '' || wide.operator !== 'Exists')) return false;
  if ((narrow.effect ?? '') !== effect && effect !== '') return false;
  if (effect === 'NoExecute' && wide.tolerationSeconds !== undefined)
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  if (wide.operator === 'Exists') return true;
  return narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? '');
}

/** Both lists, without what another toleration of them makes superfluous. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  for (const [index, one] of all.entries()) {
    const superfluous =
      merged.some((other) => covers(other, one)) ||
      all.slice(index + 1).some((other) => !semanticEqual(other, one) && covers(other, one));
    if (!superfluous) merged.push(one);
  }
  return merged;
}

function place(pod: Mutable<Pod>, scheduling: NonNullable<RuntimeClass['scheduling']>): void {
  const selector: Record<string, string> = { ...pod.spec.nodeSelector };
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = Object.hasOwn(selector, key) ? selector[key] : undefined;
    if (own !== undefined && own !== value)
      throw refuse(
        pod,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    selector[key] = value;
  }
  if (Object.keys(selector).length > 0) pod.spec.nodeSelector = selector;
  const tolerations = mergeTolerations(pod.spec.tolerations ?? [], scheduling.tolerations ?? []);
  if (tolerations.length > 0) pod.spec.tolerations = tolerations;
}

export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  concerns: only('pods'),
  mutate(attributes: AdmissionAttributes, server: Server): void {
    if (!isCreate(attributes, '', 'pods')) return;
    const pod = attributes.object as Mutable<Pod>;
    const found = classOf(pod, server);
    if (found?.overhead !== undefined) {
      const wanted = found.overhead.podFixed ?? {};
      if (Object.keys(pod.spec.overhead ?? {}).length > 0 && !sameAmounts(wanted, pod.spec.overhead ?? {}))
        throw refuse(pod, mismatch);
      pod.spec.overhead = wanted;
    }
    if (found?.scheduling !== undefined) place(pod, found.scheduling);
  },
  validate(attributes: AdmissionAttributes, server: Server): void {
    if (!isCreate(attributes, '', 'pods')) return;
    const pod = attributes.object as Pod;
    const overhead = classOf(pod, server)?.overhead;
    if (overhead !== undefined) {
      if (!sameAmounts(overhead.podFixed ?? {}, pod.spec.overhead ?? {})) throw refuse(pod, mismatch);
    } else if (pod.spec.overhead !== undefined)
      throw refuse(pod, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
  },
};
