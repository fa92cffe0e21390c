// spec.conversion of a custom resource definition: None, or a webhook that is named in full.
import type { CustomResourceDefinitionSpec } from '../generated/types.ts';
import { forbidden, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import { dns1035Label } from '../meta/names.ts';
import { validateClientConfig } from '../validation/webhook-client.ts';

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
  else errors.push(...validateClientConfig(config, configPath));
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
