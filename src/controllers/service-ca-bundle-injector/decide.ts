// Who asks for it by annotation has the certificates that service certificates are checked against.
import {
  APIServices,
  ConfigMaps,
  CustomResourceDefinitions,
  MutatingWebhookConfigurations,
  ValidatingWebhookConfigurations,
} from '#api/generated/kind-references.ts';
import type {
  APIService,
  ConfigMap,
  CustomResourceDefinition,
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '#api/generated/types.ts';
import { nothing, update, type Decision } from '../runtime/action.ts';
import {
  asksForBundle,
  component,
  componentAnnotation,
  descriptionAnnotation,
  injectAnnotations,
  injectedKey,
} from '../service-ca/annotations.ts';

export type Target =
  | { readonly type: 'configmaps'; readonly object: ConfigMap }
  | { readonly type: 'apiservices'; readonly object: APIService }
  | { readonly type: 'customresourcedefinitions'; readonly object: CustomResourceDefinition }
  | { readonly type: 'mutatingwebhookconfigurations'; readonly object: MutatingWebhookConfiguration }
  | { readonly type: 'validatingwebhookconfigurations'; readonly object: ValidatingWebhookConfiguration };

export interface InjectSnapshot {
  readonly target: Target;
  /** PEM. */
  readonly bundle: string;
}

/** Upstream hears the alpha spelling on the two oldest kinds only. */
export const asks = ({ type, object }: Target): boolean =>
  asksForBundle(
    object,
    type === 'configmaps' || type === 'apiservices' ? injectAnnotations : injectAnnotations.slice(0, 1),
  );

export function decide({ target, bundle }: InjectSnapshot): Decision {
  const { object } = target;
  if (!asks(target) || object.metadata.deletionTimestamp !== undefined) return nothing;
  const caBundle = Buffer.from(bundle).toString('base64');
  switch (target.type) {
    case 'configmaps':
      return intoConfigMap(target.object, bundle);
    case 'apiservices':
      return target.object.spec?.caBundle === caBundle
        ? nothing
        : { actions: [update(APIServices, { ...target.object, spec: { ...target.object.spec!, caBundle } })] };
    case 'customresourcedefinitions':
      return intoConversion(target.object, caBundle);
    case 'mutatingwebhookconfigurations': {
      const webhooks = withBundle(target.object.webhooks, caBundle);
      return webhooks === undefined
        ? nothing
        : { actions: [update(MutatingWebhookConfigurations, { ...target.object, webhooks })] };
    }
    case 'validatingwebhookconfigurations': {
      const webhooks = withBundle(target.object.webhooks, caBundle);
      return webhooks === undefined
        ? nothing
        : { actions: [update(ValidatingWebhookConfigurations, { ...target.object, webhooks })] };
    }
  }
}

/** Nothing else stays in such a ConfigMap, as upstream. */
function intoConfigMap(object: ConfigMap, bundle: string): Decision {
  const { data } = object;
  if (data?.[injectedKey] === bundle && Object.keys(data).length === 1) return nothing;
  const { annotations = {} } = object.metadata;
  const description = {
    [componentAnnotation]: component,
    [descriptionAnnotation]:
      'Configmap is added/updated with a data item containing the CA signing bundle that can be used to verify service-serving certificates',
  };
  return {
    actions: [
      update(ConfigMaps, {
        ...object,
        metadata: {
          ...object.metadata,
          annotations:
            (annotations[componentAnnotation] ?? '') === '' ? { ...annotations, ...description } : annotations,
        },
        data: { [injectedKey]: bundle },
      }),
    ],
  };
}

function intoConversion(object: CustomResourceDefinition, caBundle: string): Decision {
  const { conversion } = object.spec;
  const webhook = conversion?.webhook;
  if (conversion?.strategy !== 'Webhook' || webhook?.clientConfig === undefined) {
    const message = `The annotation ${injectAnnotations[0]!} has no effect: spec.conversion.strategy is not Webhook`;
    return { actions: [], events: [{ about: object, type: 'Warning', reason: 'NoConversionWebhook', message }] };
  }
  if (webhook.clientConfig.caBundle === caBundle) return nothing;
  const clientConfig = { ...webhook.clientConfig, caBundle };
  const spec = { ...object.spec, conversion: { ...conversion, webhook: { ...webhook, clientConfig } } };
  return { actions: [update(CustomResourceDefinitions, { ...object, spec })] };
}

/** Undefined: every webhook has it. */
function withBundle<T extends { readonly clientConfig: { readonly caBundle?: string | undefined } }>(
  webhooks: readonly T[] | undefined,
  caBundle: string,
): T[] | undefined {
  if (webhooks === undefined || webhooks.every((one) => one.clientConfig.caBundle === caBundle)) return undefined;
  return webhooks.map((one) => ({ ...one, clientConfig: { ...one.clientConfig, caBundle } }));
}
