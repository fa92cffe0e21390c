// Pod Security admission: Pods against the standard of their namespace, what makes Pods as a warning, and the labels of
// namespaces themselves. In the place and with the texts of upstream's plugin PodSecurity.
import type { Namespace, ObjectMeta, Pod, PodSpec, PodTemplateSpec } from '#api/generated/types.ts';
import { Namespaces, Pods } from '#api/generated/kind-references.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { forbiddenError, internalError, invalidError } from '#api/status.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../../context.ts';
import {
  isPrivileged,
  labelPrefix,
  openPodSecurity,
  podSecurityPolicyOf,
  strictness,
  type PodSecurityOptions,
} from './policy.ts';
import { exemptNamespaceWarning, isStricter, namespaceWarnings, podVerdict } from './verdict.ts';
import { refusedName } from '../refused-name.ts';

/** Subresources of Pods that do not change what runs. Any other is judged as the Pod it makes. */
const ignoredSubresources = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

type Template = { readonly metadata?: ObjectMeta; readonly spec?: PodSpec } | undefined;
interface WithTemplate {
  readonly template?: PodTemplateSpec;
  readonly spec?: {
    readonly template?: PodTemplateSpec;
    readonly jobTemplate?: { spec?: { template?: PodTemplateSpec } };
  };
}
const ofSpec = (object: WithTemplate): Template => object.spec?.template;
/** Where each kind keeps the Pod that it makes. */
const templates: Readonly<Record<string, (object: WithTemplate) => Template>> = {
  podtemplates: (object) => object.template,
  replicationcontrollers: ofSpec,
  'apps/replicasets': ofSpec,
  'apps/deployments': ofSpec,
  'apps/statefulsets': ofSpec,
  'apps/daemonsets': ofSpec,
  'batch/jobs': ofSpec,
  'batch/cronjobs': (object) => object.spec?.jobTemplate?.spec?.template,
};

function isSignificantUpdate(next: PodSpec, before: PodSpec): boolean {
  const images = (containers: readonly { image?: string }[] | undefined): string =>
    JSON.stringify((containers ?? []).map((one) => one.image ?? ''));
  if (images(next.containers) !== images(before.containers)) return true;
  if (images(next.initContainers) !== images(before.initContainers)) return true;
  return (next.ephemeralContainers ?? []).some((one) => {
    const same = before.ephemeralContainers?.find((old) => old.name === one.name);
    return same === undefined || same.image !== one.image;
  });
}

function validateNamespace(attributes: AdmissionAttributes, server: Server, options: PodSecurityOptions): void {
  if (attributes.subresource !== '') return;
  const { row, warnings, name } = attributes;
  const namespace = attributes.object as Namespace;
  const { policy, errors } = podSecurityPolicyOf(namespace.metadata.labels, options.defaults);
  const isExempt = options.exemptNamespaces.includes(name);
  const refuse = () => invalidError({ group: row.group, kind: row.kind }, name, errors);
  if (attributes.operation === 'CREATE') {
    if (errors.length > 0) throw refuse();
    if (isExempt) warnings.push(...exemptNamespaceWarning(namespace, policy, options.defaults));
    return;
  }
  const before = podSecurityPolicyOf(attributes.old?.metadata.labels, options.defaults);
  if (errors.length > 0 && JSON.stringify(errors) !== JSON.stringify(before.errors)) throw refuse();
  if (!isStricter(policy.enforce, before.policy.enforce, strictness)) return;
  if (isExempt) {
    warnings.push(...exemptNamespaceWarning(namespace, policy, options.defaults));
    return;
  }
  const pods = server.options.store.list(storagePrefix(Pods, name)).items.map((stored) => stored.object() as Pod);
  warnings.push(
    ...namespaceWarnings(name, policy.enforce, pods, {
      exemptRuntimeClasses: options.exemptRuntimeClasses,
      now: () => server.options.clock.now(),
    }),
  );
}

function validatePodOrTemplate(attributes: AdmissionAttributes, server: Server, options: PodSecurityOptions): void {
  const { row, subresource, namespace } = attributes;
  const isPod = row.resource === 'pods';
  if (isPod ? ignoredSubresources.has(subresource) : subresource !== '') return;
  const exemption = options.exemptNamespaces.includes(namespace)
    ? 'namespace'
    : options.exemptUsers.includes(attributes.user.name)
      ? 'user'
      : undefined;
  const { podSecurity: metrics } = server.metrics;
  const asked = { operation: attributes.operation, resource: row.resource, subresource, namespace };
  if (exemption !== undefined) {
    metrics.onExemption(asked);
    return annotate(attributes, { exempt: exemption });
  }
  const stored = server.options.store.get(storageKey(Namespaces, undefined, namespace));
  if (stored === undefined) {
    metrics.onError(asked, true);
    if (isPod) throw internalError(`failed to lookup namespace "${namespace}"`);
    return annotate(attributes, { error: `failed to lookup namespace "${namespace}"` });
  }
  const { policy, errors } = podSecurityPolicyOf((stored.object() as Namespace).metadata.labels, options.defaults);
  if (errors.length === 0 && isPrivileged(policy)) {
    if (isPod) {
      metrics.onEvaluation(asked, { mode: 'enforce', ...policy.enforce, allowed: true });
      annotate(attributes, { 'enforce-policy': 'privileged:latest' });
    }
    return;
  }
  if (!isPod && errors.length === 0 && policy.warn.level === 'privileged' && policy.audit.level === 'privileged')
    return;
  const object = attributes.object as unknown as WithTemplate & Pod;
  if (isPod && attributes.operation === 'UPDATE' && !isSignificantUpdate(object.spec, (attributes.old as Pod).spec))
    return;
  const template = isPod ? object : templates[templateKey(row)]!(object);
  if (template?.spec === undefined) return;
  if (options.exemptRuntimeClasses.includes(template.spec.runtimeClassName ?? '')) {
    metrics.onExemption(asked);
    return annotate(attributes, { exempt: 'runtimeClass' });
  }
  if (errors.length > 0) metrics.onError(asked, false);
  const verdict = podVerdict(policy, errors, template.metadata ?? {}, template.spec, isPod);
  for (const { allowed, mode, standard } of verdict.evaluations)
    metrics.onEvaluation(asked, { mode, ...standard, allowed });
  annotate(attributes, verdict.annotations);
  attributes.warnings.push(...verdict.warnings);
  if (verdict.refusal !== undefined)
    throw forbiddenError(
      { group: row.group, resource: row.resource },
      refusedName(attributes.name, attributes.object),
      verdict.refusal,
    );
}

interface AskedKind {
  readonly group: string;
  readonly resource: string;
}
const templateKey = (row: AskedKind): string => (row.group === '' ? row.resource : `${row.group}/${row.resource}`);

function annotate(attributes: AdmissionAttributes, annotations: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(annotations)) attributes.annotate(labelPrefix + key, value);
}

const isNamespace = (kind: AskedKind): boolean => kind.group === '' && kind.resource === 'namespaces';
const hasPodSpec = (kind: AskedKind): boolean =>
  (kind.group === '' && kind.resource === 'pods') || Object.hasOwn(templates, templateKey(kind));

function validate(attributes: AdmissionAttributes, server: Server): void {
  if (attributes.operation !== 'CREATE' && attributes.operation !== 'UPDATE') return;
  const { row } = attributes;
  const options = server.options.podSecurity ?? openPodSecurity;
  if (isNamespace(row)) validateNamespace(attributes, server, options);
  else if (hasPodSpec(row)) validatePodOrTemplate(attributes, server, options);
}

export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  concerns: (kind) => isNamespace(kind) || hasPodSpec(kind),
  validate,
};
