// MutatingWebhookConfiguration and ValidatingWebhookConfiguration. Their rules come with the first one (policies/webhook-rules.ts).
import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';

type Rules = typeof import('../../policies/webhook-rules.ts');
let rules: Rules | undefined;

async function load(): Promise<void> {
  if (rules !== undefined) return;
  await (await import('../../cel/cel.ts')).loadCel();
  rules = await import('../../policies/webhook-rules.ts');
}

export const mutatingWebhookConfiguration: KindBehaviour<MutatingWebhookConfiguration> = {
  anyFinalizer: true,
  metadataInUpdate: ['whole'],
  load,
  validate: (object) => rules!.validateWebhooks(object),
  validateUpdate: (object, previous) => rules!.validateWebhooks(object, previous),
};

export const validatingWebhookConfiguration: KindBehaviour<ValidatingWebhookConfiguration> = {
  anyFinalizer: true,
  metadataInUpdate: ['whole'],
  load,
  validate: (object) => rules!.validateWebhooks(object),
  validateUpdate: (object, previous) => rules!.validateWebhooks(object, previous),
};
