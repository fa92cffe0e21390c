// A Project is a Namespace seen by its users: the same metadata, and rules about what may be changed through this view.
// Unlike upstream no finalizer openshift.io/origin is added: everything in a namespace is removed by one controller here.
import { invalid, type FieldError } from '#api/field-error.ts';
import type { Namespace, Project } from '#api/generated/types.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { parseLabelSelector } from '#api/meta/label-selector.ts';
import { nameIsDnsLabel } from '#api/meta/names.ts';
import { applyDefaults } from '#api/schema/defaults.ts';
import { invalidError } from '#api/status.ts';

export const displayNameAnnotation = 'openshift.io/display-name';
export const descriptionAnnotation = 'openshift.io/description';
export const requesterAnnotation = 'openshift.io/requester';
const nodeSelectorAnnotation = 'openshift.io/node-selector';
/** The only ones that an update of a project may change. */
const freeAnnotations = new Set([displayNameAnnotation, descriptionAnnotation]);
const immutable = 'field is immutable, try updating the namespace';

export function projectOf(object: KubernetesObject): Project {
  const { metadata, spec, status } = object as Namespace;
  return { apiVersion: 'project.openshift.io/v1', kind: 'Project', metadata, spec: spec ?? {}, status } as Project;
}

function namespaceOf(object: KubernetesObject): Mutable<KubernetesObject> {
  const { metadata, spec, status } = object as Project;
  const annotations = {
    ...metadata.annotations,
    [displayNameAnnotation]: metadata.annotations?.[displayNameAnnotation] ?? '',
  };
  const { namespace: _, ...rest } = metadata;
  // What is defaulted is a copy: a stored object is shared by its readers.
  return newNamespace({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { ...rest, annotations, ...(rest.labels === undefined ? {} : { labels: { ...rest.labels } }) },
    spec: { ...spec },
    ...(status === undefined ? {} : { status }),
  });
}

/** With upstream's defaults: the label that carries the name. */
export function newNamespace(object: object): Mutable<KubernetesObject> {
  // Parts of it may be the shared ones of what is stored.
  const own = structuredClone(object) as Mutable<KubernetesObject>;
  applyDefaults('io.k8s.api.core.v1.Namespace', own);
  return own;
}

/** Upstream's rules of a new project, as of a request for one. */
export function projectErrors({ metadata }: KubernetesObject): FieldError[] {
  const name = metadata.name ?? '';
  const errors: FieldError[] = [];
  if (name !== '')
    for (const reason of name.length < 2 ? ['must be at least 2 characters long'] : nameIsDnsLabel(name, false))
      errors.push(invalid('metadata.name', name, reason));
  const { [displayNameAnnotation]: displayName = '', [nodeSelectorAnnotation]: selector = '' } =
    metadata.annotations ?? {};
  if (/[\n\t]/.test(displayName))
    errors.push(
      invalid(`metadata.annotations[${displayNameAnnotation}]`, displayName, 'may not contain a new line or tab'),
    );
  if (!isSelector(selector)) errors.push(invalid('nodeSelector', selector, 'must be a valid label selector'));
  return errors;
}

function isSelector(text: string): boolean {
  try {
    parseLabelSelector(text);
    return true;
  } catch {
    return false;
  }
}

function updateErrors(now: KubernetesObject, before: KubernetesObject): FieldError[] {
  const errors = projectErrors(now);
  const changed = (
    part: 'annotations' | 'labels',
    values: Readonly<Record<string, string>> = {},
    others: Readonly<Record<string, string>> = {},
    isFree = (_name: string): boolean => false,
  ) => {
    for (const [name, value] of Object.entries(values))
      if (!isFree(name) && others[name] !== value) errors.push(invalid(`metadata.${part}[${name}]`, value, immutable));
    for (const [name, value] of Object.entries(others))
      if (!isFree(name) && !(name in values)) errors.push(invalid(`metadata.${part}[${name}]`, value, immutable));
  };
  changed('annotations', now.metadata.annotations, before.metadata.annotations, (name) => freeAnnotations.has(name));
  changed('labels', now.metadata.labels, before.metadata.labels);
  return errors;
}

export const projects = {
  fromStorage: projectOf,
  toStorage: namespaceOf,
  /** Finalizers and status are the old ones whatever is sent: upstream resets them before it looks. */
  check(object: KubernetesObject, previous: KubernetesObject | undefined): void {
    const errors = previous === undefined ? projectErrors(object) : updateErrors(object, previous);
    if (errors.length > 0)
      throw invalidError({ group: 'project.openshift.io', kind: 'Project' }, object.metadata.name ?? '', errors);
  },
};
