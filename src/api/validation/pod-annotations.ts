// Annotations of Pods and templates that mean something, and which of them may change.
import { forbidden, invalid, type FieldError } from '../field-error.ts';
import type { ObjectMeta, Pod, PodSpec } from '../generated/types.ts';
import { isAbsent } from './fields.ts';

export const mirrorPodAnnotation = 'kubernetes.io/config.mirror';
const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const int32Max = 2 ** 31 - 1;

export function podAnnotationErrors(path: string, annotations: ObjectMeta['annotations'], spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const mirror = annotations?.[mirrorPodAnnotation];
  if (mirror !== undefined && isAbsent(spec.nodeName))
    errors.push(
      invalid(`${path}[${mirrorPodAnnotation}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'),
    );
  const cost = annotations?.[deletionCostAnnotation];
  if (cost !== undefined && !(/^(0|-?[1-9]\d*)$/.test(cost) && Math.abs(Number(cost)) <= int32Max))
    errors.push(invalid(`${path}[${deletionCostAnnotation}]`, cost, 'must be a 32bit integer'));
  return errors;
}

export function podAnnotationUpdateErrors(pod: Pod, previous: Pod): FieldError[] {
  const [now, before] = [pod.metadata.annotations ?? {}, previous.metadata.annotations ?? {}];
  const errors: FieldError[] = [];
  const restricted = (key: string) =>
    key.startsWith('container.apparmor.security.beta.kubernetes.io/')
      ? 'AppArmor annotations'
      : key === mirrorPodAnnotation
        ? 'mirror pod annotation'
        : undefined;
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const what = restricted(key);
    if (what === undefined || now[key] === before[key]) continue;
    errors.push(
      forbidden(`metadata.annotations[${key}]`, `may not ${key in before ? 'remove or update' : 'add'} ${what}`),
    );
  }
  return errors;
}
