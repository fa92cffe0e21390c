// Annotations of Pods and templates that mean something, and which of them may change.
import { forbidden, invalid, type FieldError } from '../field-error.ts';
import type { ObjectMeta, Pod, PodSpec } from '../generated/types.ts';
import { appArmorAnnotationErrors, appArmorAnnotationPrefix } from './app-armor.ts';
import { isAbsent, relativePath } from './fields.ts';

export const mirrorPodAnnotation = 'kubernetes.io/config.mirror';
const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const int32Max = 2 ** 31 - 1;
export const seccompPodAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
export const seccompContainerPrefix = 'container.seccomp.security.alpha.kubernetes.io/';

const seccompProfiles = new Set(['runtime/default', 'docker/default', 'unconfined']);
function seccompErrors(path: string, profile: string): FieldError[] {
  if (seccompProfiles.has(profile)) return [];
  return profile.startsWith('localhost/')
    ? relativePath(path, profile.slice('localhost/'.length))
    : [invalid(path, profile, 'must be a valid seccomp profile')];
}

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
  for (const [key, profile] of Object.entries(annotations ?? {}))
    if (key === seccompPodAnnotation || key.startsWith(seccompContainerPrefix))
      errors.push(...seccompErrors(`${path}.${key}`, profile));
  return [...errors, ...appArmorAnnotationErrors(path, annotations, spec)];
}

export function podAnnotationUpdateErrors(pod: Pod, previous: Pod): FieldError[] {
  const [now, before] = [pod.metadata.annotations ?? {}, previous.metadata.annotations ?? {}];
  const errors: FieldError[] = [];
  const restricted = (key: string) =>
    key.startsWith(appArmorAnnotationPrefix)
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
