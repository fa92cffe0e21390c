// References to fields of a Pod and to resources of its containers, as environment variables and downward API files have them.
import { invalid, required, type FieldError } from '../field-error.ts';
import type { ObjectFieldSelector, ResourceFieldSelector } from '../generated/types.ts';
import { canonicalQuantity, compareQuantities } from '../quantity.ts';
import { isAbsent, oneOf, qualifiedErrors } from './fields.ts';

/** What a file may show. */
export const fileFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const resourceFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const sizeDivisors = new Set(['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']);
const sizeDivisorText = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';
/** Field labels that a Pod has, also where the place does not allow them. */
const podFieldLabels = new Set([
  ...fileFieldPaths,
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

export function fieldReferenceErrors(
  path: string,
  reference: ObjectFieldSelector,
  allowed: readonly string[],
): FieldError[] {
  const { apiVersion = 'v1', fieldPath } = reference;
  if (isAbsent(fieldPath)) return [required(`${path}.fieldPath`)];
  const wrong = (detail: string) => [invalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${detail}`)];
  if (apiVersion !== 'v1') return wrong(`unsupported pod version: ${apiVersion}`);
  const subscript = /^(.*)\['(.*)'\]$/.exec(fieldPath);
  if (subscript !== null) {
    const [, base, key = ''] = subscript;
    if (base === 'metadata.annotations') return qualifiedErrors(path, key.toLowerCase());
    if (base === 'metadata.labels') return qualifiedErrors(path, key);
    return wrong(`field label does not support subscript: ${fieldPath}`);
  }
  const label = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath;
  if (!podFieldLabels.has(label)) return wrong(`field label not supported: ${fieldPath}`);
  return oneOf(`${path}.fieldPath`, label, allowed);
}

export function resourceReferenceErrors(
  path: string,
  reference: ResourceFieldSelector,
  inVolume: boolean,
): FieldError[] {
  const { resource, containerName, divisor } = reference;
  const errors: FieldError[] = [];
  const hugePages = /^(requests|limits)\.hugepages-/.test(resource ?? '');
  if (inVolume && isAbsent(containerName)) errors.push(required(`${path}.containerName`));
  else if (isAbsent(resource)) errors.push(required(`${path}.resource`));
  else if (!hugePages) errors.push(...oneOf(`${path}.resource`, resource, resourceFields));
  if (divisor === undefined || compareQuantities(String(divisor), '0') === 0) return errors;
  const text = canonicalQuantity(String(divisor));
  const wrong = (allowed: string, of: string) =>
    errors.push(
      invalid(`${path}.divisor`, resource, `only divisor's values ${allowed} are supported with the ${of} resource`),
    );
  if (resource.endsWith('.cpu')) {
    if (text !== '1m' && text !== '1') wrong('1m and 1', 'cpu');
  } else if (!sizeDivisors.has(text)) {
    if (resource.endsWith('.memory')) wrong(sizeDivisorText, 'memory');
    if (resource.endsWith('.ephemeral-storage')) wrong(sizeDivisorText, 'local ephemeral storage');
    if (hugePages) wrong(sizeDivisorText, 'hugepages');
  }
  return errors;
}
