// The environment of a container: single variables with their sources, and whole ConfigMaps and Secrets.
import { invalid, required, type FieldError } from '../field-error.ts';
import type { EnvFromSource, EnvVar } from '../generated/types.ts';
import { configMapKey, environmentVariableName, nameIsDnsSubdomain } from '../meta/names.ts';
import { isAbsent, labelErrors, noStepsUp, texts } from './fields.ts';
import { fieldReferenceErrors, resourceReferenceErrors } from './pod-references.ts';

const environmentFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

export function environmentErrors(path: string, variables: readonly EnvVar[] | undefined): FieldError[] {
  return (variables ?? []).flatMap((variable, index) => {
    const at = `${path}[${index}]`;
    const errors = isAbsent(variable.name)
      ? [required(`${at}.name`)]
      : texts(`${at}.name`, variable.name, environmentVariableName(variable.name));
    const from = variable.valueFrom;
    if (from === undefined) return errors;
    const of = `${at}.valueFrom`;
    if (from.fieldRef !== undefined)
      errors.push(...fieldReferenceErrors(`${of}.fieldRef`, from.fieldRef, environmentFieldPaths));
    if (from.resourceFieldRef !== undefined)
      errors.push(...resourceReferenceErrors(`${of}.resourceFieldRef`, from.resourceFieldRef, false));
    for (const kind of ['configMapKeyRef', 'secretKeyRef'] as const) {
      const reference = from[kind];
      if (reference === undefined) continue;
      errors.push(
        ...texts(`${of}.${kind}.name`, reference.name ?? '', nameIsDnsSubdomain(reference.name ?? '', false)),
        ...(isAbsent(reference.key)
          ? [required(`${of}.${kind}.key`)]
          : texts(`${of}.${kind}.key`, reference.key, configMapKey(reference.key))),
      );
    }
    if (from.fileKeyRef !== undefined) {
      const file = from.fileKeyRef;
      const filePath = `${of}.fileKeyRef`;
      errors.push(
        ...(isAbsent(file.key)
          ? [required(`${filePath}.key`)]
          : texts(`${filePath}.key`, file.key, environmentVariableName(file.key))),
        ...(isAbsent(file.volumeName)
          ? [required(`${filePath}.volumeName`)]
          : labelErrors(`${filePath}.volumeName`, file.volumeName)),
        ...(isAbsent(file.path) ? [required(`${filePath}.path`)] : noStepsUp(`${filePath}.path`, file.path)),
      );
    }
    const sources = Object.values(from).filter((one) => one !== undefined).length;
    if (sources === 0)
      errors.push(
        invalid(
          of,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        ),
      );
    else if (!isAbsent(variable.value)) errors.push(invalid(of, '', 'may not be specified when `value` is not empty'));
    else if (sources > 1) errors.push(invalid(of, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}

export function environmentSourceErrors(path: string, sources: readonly EnvFromSource[] | undefined): FieldError[] {
  return (sources ?? []).flatMap((source, index) => {
    const at = `${path}[${index}]`;
    const errors = isAbsent(source.prefix)
      ? []
      : texts(`${at}.prefix`, source.prefix, environmentVariableName(source.prefix));
    let count = 0;
    for (const kind of ['configMapRef', 'secretRef'] as const) {
      const reference = source[kind];
      if (reference === undefined) continue;
      count++;
      errors.push(
        ...(isAbsent(reference.name)
          ? [required(`${at}.${kind}.name`)]
          : texts(`${at}.${kind}.name`, reference.name, nameIsDnsSubdomain(reference.name, true))),
      );
    }
    if (count === 0) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (count > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}
