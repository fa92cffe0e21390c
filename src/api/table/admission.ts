// Cells of what extends admission: policies, their bindings, webhook configurations.
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../generated/types.ts';
import { selectorGoText } from '../meta/selector-go-text.ts';
import { age, unset, type CellsOf } from './format.ts';

const kindText = (kind: ParamKind | undefined): string =>
  kind === undefined ? unset : `${kind.apiVersion ?? ''}/${kind.kind ?? ''}`;

function referenceText(reference: ParamRef | undefined): string {
  const { name = '', namespace = '', selector } = reference ?? {};
  if (name !== '') return `${namespace === '' ? '*' : namespace}/${name}`;
  return selector === undefined ? unset : selectorGoText(selector);
}

export const validatingPolicyCells: CellsOf<ValidatingAdmissionPolicy> = (object, now) => [
  object.metadata.name,
  object.spec.validations?.length ?? 0,
  kindText(object.spec.paramKind),
  age(object, now),
];

export const mutatingPolicyCells: CellsOf<MutatingAdmissionPolicy> = (object, now) => [
  object.metadata.name,
  object.spec.mutations?.length ?? 0,
  kindText(object.spec.paramKind),
  age(object, now),
];

export const policyBindingCells: CellsOf<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding> = (
  object,
  now,
) => [object.metadata.name, object.spec.policyName ?? '', referenceText(object.spec.paramRef), age(object, now)];

export const webhookConfigurationCells: CellsOf<ValidatingWebhookConfiguration | MutatingWebhookConfiguration> = (
  object,
  now,
) => [object.metadata.name, object.webhooks?.length ?? 0, age(object, now)];
