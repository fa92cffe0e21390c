// spec.conversion of a custom resource definition: None, or a webhook that is named in full.
import type { CustomResourceDefinitionSpec } from '../generated/types.ts';
import { forbidden, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import { dns1035Label } from '../meta/names.ts';

const path = 'spec.conversion';
const reviewVersions = ['v1', 'v1beta1'];

export function conversionErrors({ conversion, preserveUnknownFields }: CustomResourceDefinitionSpec): FieldError[] {
  if (conversion === undefined) return [];
  const errors: FieldError[] = [];
  const { strategy = '', webhook } = conversion as Partial<typeof conversion>;
  if (strategy !== '' && strategy !== 'None' && preserveUnknownFields === true)
    errors.push(invalid(`${path}.strategy`, strategy, 'must be None if spec.preserveUnknownFields is true'));
  if (strategy === '') errors.push(required(`${path}.strategy`));
  else if (strategy !== 'None' && strategy !== 'Webhook')
    errors.push(notSupported(`${path}.strategy`, strategy, ['None', 'Webhook']));
  const config = webhook?.clientConfig;
  const versions = webhook?.conversionReviewVersions ?? [];
  const configPath = `${path}.webhookClientConfig`;
  const versionsPath = `${path}.conversionReviewVersions`;
  if (strategy !== 'Webhook') {
    const text = 'should not be set when strategy is not set to Webhook';
    if (config !== undefined) errors.push(forbidden(configPath, text));
    if (versions.length > 0) errors.push(forbidden(versionsPath, text));
    return errors;
  }
  if (config === undefined) errors.push(required(configPath, 'required when strategy is set to Webhook'));
  else if ((config.url === undefined) === (config.service === undefined))
    errors.push(required(configPath, 'exactly one of url or service is required'));
  else if (config.url !== undefined && !/^https:\/\/[^/?#@]+(?:\/[^?#]*)?$/.test(config.url))
    errors.push(
      invalid(
        `${configPath}.url`,
        /^([a-z][a-z0-9+.-]*):/i.exec(config.url)?.[1] ?? '',
        "'https' is the only allowed URL scheme; desired format: https://host[/path]",
      ),
    );
  else if (config.service !== undefined) {
    const {
      name = '',
      namespace = '',
      path: servicePath,
      port = 443,
    } = config.service as Partial<typeof config.service>;
    if (name === '') errors.push(required(`${configPath}.service.name`, 'service name is required'));
    if (namespace === '') errors.push(required(`${configPath}.service.namespace`, 'service namespace is required'));
    if (servicePath !== undefined && !servicePath.startsWith('/'))
      errors.push(invalid(`${configPath}.service.path`, servicePath, "must start with a '/'"));
    if (port < 1 || port > 65535)
      errors.push(
        invalid(`${configPath}.service.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'),
      );
  }
  if (versions.length === 0) errors.push(required(versionsPath));
  else {
    versions.forEach((version, index) => {
      if (versions.indexOf(version) < index)
        errors.push(invalid(`${versionsPath}[${index}]`, version, 'duplicate version'));
      else for (const text of dns1035Label(version)) errors.push(invalid(`${versionsPath}[${index}]`, version, text));
    });
    if (!versions.some((version) => reviewVersions.includes(version)))
      errors.push(invalid(versionsPath, versions, `must include at least one of ${reviewVersions.join(', ')}`));
  }
  return errors;
}
