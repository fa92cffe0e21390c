// AppArmor profiles of containers: the field, and the annotation that was before it and still fills it in.
import { forbidden, invalid, required, tooLong, type FieldError } from '../field-error.ts';
import type { AppArmorProfile, ObjectMeta, Pod, PodSpec } from '../generated/types.ts';
import type { Mutable } from '../kind.ts';
import { byteLength } from '../meta/names.ts';
import { isAbsent, oneOf, semanticEqual } from './fields.ts';
import { placedContainers } from './placed-containers.ts';

export const appArmorAnnotationPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const localhostPrefix = 'localhost/';
const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

export function appArmorErrors(path: string, profile: AppArmorProfile | undefined): FieldError[] {
  if (profile === undefined) return [];
  const at = `${path}.localhostProfile`;
  const name = profile.localhostProfile;
  if (profile.type !== 'Localhost') {
    const errors = isAbsent(profile.type)
      ? [required(`${path}.type`, 'type is required when appArmorProfile is set')]
      : oneOf(`${path}.type`, profile.type, profileTypes);
    if (name !== undefined && errors.length === 0)
      errors.push(invalid(at, name, 'can only be set when AppArmor type is Localhost'));
    return errors;
  }
  if (name === undefined || name.trim() === '')
    return name !== undefined && name !== ''
      ? [invalid(at, name, 'must not be padded with whitespace')]
      : [required(at, 'must be set when AppArmor type is Localhost')];
  if (name.trim() !== name) return [invalid(at, name, 'must not be padded with whitespace')];
  return byteLength(name) > 4095 ? [tooLong(at, 4095)] : [];
}

/** The annotations themselves. */
export function appArmorAnnotationErrors(
  path: string,
  annotations: ObjectMeta['annotations'],
  spec: PodSpec,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, profile] of Object.entries(annotations ?? {})) {
    if (!key.startsWith(appArmorAnnotationPrefix)) continue;
    const name = key.slice(appArmorAnnotationPrefix.length);
    if (!placedContainers('', spec).some((one) => one.container.name === name))
      errors.push(invalid(`${path}[${key}]`, name, 'container not found'));
    if (
      profile !== '' &&
      profile !== 'runtime/default' &&
      profile !== 'unconfined' &&
      !profile.startsWith(localhostPrefix)
    )
      errors.push(invalid(`${path}[${key}]`, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`));
  }
  return errors;
}

const annotationFor = (annotations: ObjectMeta['annotations'], name: string): string | undefined =>
  annotations === undefined ? undefined : annotations[`${appArmorAnnotationPrefix}${name}`];

/** Of a new Pod or template: where both are there, they say the same. */
export function appArmorMismatchErrors(
  path: string,
  annotations: ObjectMeta['annotations'],
  spec: PodSpec,
): FieldError[] {
  if (annotations === undefined || spec.os?.name === 'windows') return [];
  const ofPod = spec.securityContext?.appArmorProfile;
  return placedContainers(path, spec).flatMap(({ path: at, container }) => {
    const annotation = annotationFor(annotations, container.name);
    const profile = container.securityContext?.appArmorProfile ?? ofPod;
    if (annotation === undefined || profile === undefined) return [];
    const field = `${at}.securityContext.appArmorProfile`;
    const differs = [forbidden(`${field}.type`, 'apparmor type in annotation and field must match')];
    switch (profile.type) {
      case 'Unconfined':
        return annotation === 'unconfined' ? [] : differs;
      case 'RuntimeDefault':
        return annotation === 'runtime/default' ? [] : differs;
      case 'Localhost':
        if (!annotation.startsWith(localhostPrefix)) return differs;
        return annotation.slice(localhostPrefix.length) === profile.localhostProfile
          ? []
          : [forbidden(`${field}.localhostProfile`, 'apparmor profile in annotation and field must match')];
      default:
        return [];
    }
  });
}

/** What the annotation means as a field; undefined: nothing. */
function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  return annotation.startsWith(localhostPrefix) && annotation !== localhostPrefix
    ? { type: 'Localhost', localhostProfile: annotation.slice(localhostPrefix.length) }
    : undefined;
}

const deprecation = (path: string, key: string) =>
  `${path}[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`;

/** A new Pod's annotations become fields; `warn` tells whoever still writes annotations only. */
export function fillAppArmorProfiles(pod: Mutable<Pod>, warn: (text: string) => void): void {
  const { annotations } = pod.metadata;
  if (annotations === undefined || pod.spec.os?.name === 'windows') return;
  const ofPod = pod.spec.securityContext?.appArmorProfile;
  for (const { container } of placedContainers('', pod.spec as PodSpec)) {
    const annotation = annotationFor(annotations, container.name);
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) continue;
    const meant = profileOf(annotation);
    const profile = appArmorErrors('', meant).length === 0 ? meant : undefined;
    if (profile !== undefined && semanticEqual(profile, ofPod)) continue;
    if (profile !== undefined)
      ((container as Mutable<typeof container>).securityContext ??= {}).appArmorProfile = profile;
    warn(deprecation('metadata.annotations', `${appArmorAnnotationPrefix}${container.name}`));
  }
}

/** Templates keep their annotations: the Pods made of them are filled in. */
export function appArmorTemplateWarnings(
  path: string,
  annotations: ObjectMeta['annotations'],
  spec: PodSpec,
): string[] {
  if (annotations === undefined) return [];
  const ofPod = spec.securityContext?.appArmorProfile;
  return placedContainers('', spec).flatMap(({ container }) => {
    const annotation = annotationFor(annotations, container.name);
    return annotation === undefined ||
      container.securityContext?.appArmorProfile !== undefined ||
      (ofPod !== undefined && semanticEqual(ofPod, profileOf(annotation)))
      ? []
      : [deprecation(path, `${appArmorAnnotationPrefix}${container.name}`)];
  });
}
