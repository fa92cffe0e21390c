// APIService: named after the group version that it is for; one without a Service is answered by the server itself.
import { invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { APIService } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { formatTime } from '../../meta/time.ts';
import { dns1035Label, dns1123Subdomain, nameIsPathSegment } from '../../meta/names.ts';

const conditionStates = ['True', 'False', 'Unknown'];
const isPort = (value: number) => Number.isInteger(value) && value >= 1 && value <= 65_535;

function validate({ metadata, spec }: APIService): FieldError[] {
  const { group = '', version = '' } = spec ?? {};
  const groupPriorityMinimum = spec?.groupPriorityMinimum ?? 0;
  const versionPriority = spec?.versionPriority ?? 0;
  const { service, caBundle = '', insecureSkipTLSVerify = false } = spec ?? {};
  const errors: FieldError[] = [];
  const wanted = `${version}.${group}`;
  for (const field of ['generateName', 'name'] as const) {
    const name = metadata[field] ?? '';
    if (name !== '' && name !== wanted && nameIsPathSegment(name, false).length === 0)
      errors.push(
        invalid(`metadata.${field}`, name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`),
      );
  }
  if (group === '' && version !== 'v1')
    errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  if (group !== '') for (const reason of dns1123Subdomain(group)) errors.push(invalid('spec.group', group, reason));
  for (const reason of dns1035Label(version)) errors.push(invalid('spec.version', version, reason));
  const inRange = (field: string, value: number, limit: number) => {
    if (value <= 0 || value > limit) errors.push(invalid(field, value, `must be positive and less than ${limit}`));
  };
  inRange('spec.groupPriorityMinimum', groupPriorityMinimum, 20_000);
  inRange('spec.versionPriority', versionPriority, 1000);
  if (service === undefined || service === null) {
    if (caBundle !== '')
      errors.push(
        invalid(
          'spec.caBundle',
          `${Buffer.from(caBundle, 'base64').length} bytes`,
          'local APIServices may not have a caBundle',
        ),
      );
    if (insecureSkipTLSVerify)
      errors.push(invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  for (const name of ['namespace', 'name'] as const)
    if ((service[name] ?? '') === '') errors.push(required(`spec.service.${name}`));
  const port = service.port ?? 443;
  if (!isPort(port))
    errors.push(invalid('spec.service.port', port, 'port is not valid: must be between 1 and 65535, inclusive'));
  if (insecureSkipTLSVerify && caBundle !== '')
    errors.push(invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  return errors;
}

/** What is said of one that the server itself answers. */
export const localAvailable = {
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
};

export const apiService: KindBehaviour<APIService> = {
  validateName: nameIsPathSegment,
  prepareForCreate(object, { now }) {
    if (object.spec?.service !== undefined) return;
    const { status, reason, message } = localAvailable;
    object.status = {
      conditions: [{ type: 'Available', status, lastTransitionTime: formatTime(now), reason, message }],
    };
  },
  validate,
  validateUpdate: (object, _previous, subresource) =>
    subresource === 'status'
      ? (object.status?.conditions ?? []).flatMap(({ status }, index) =>
          conditionStates.includes(status)
            ? []
            : [notSupported(`status.conditions[${index}].status`, status, conditionStates)],
        )
      : validate(object),
};
