// ValidatingAdmissionPolicyBinding and MutatingAdmissionPolicyBinding.
import { duplicate, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBinding } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { policyNameWarnings, validateParamRef, validatePolicyName } from '../../policies/bindings.ts';
import { validateMatchResources, validateMutatingOperations } from '../../policies/match-resources.ts';

const actionNames = ['Audit', 'Deny', 'Warn'];

function validateActions(actions: readonly string[] | undefined, path: string): FieldError[] {
  if (actions === undefined || actions.length === 0)
    return [required(path, 'at least one validation action is required')];
  return [
    ...actions.flatMap((action, index) => [
      ...(actionNames.includes(action) ? [] : [notSupported(`${path}[${index}]`, action, actionNames)]),
      ...(actions.indexOf(action) < index ? [duplicate(`${path}[${index}]`, action)] : []),
    ]),
    ...(actions.includes('Deny') && actions.includes('Warn')
      ? [
          invalid(
            path,
            actions,
            'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
          ),
        ]
      : []),
  ];
}

const validateBinding = ({ spec }: MutatingAdmissionPolicyBinding | ValidatingAdmissionPolicyBinding): FieldError[] => [
  ...validatePolicyName(spec?.policyName, 'spec.policyName'),
  ...validateParamRef(spec?.paramRef, 'spec.paramRef'),
  ...validateMatchResources(spec?.matchResources, 'spec.matchResources'),
];

export const validatingAdmissionPolicyBinding: KindBehaviour<ValidatingAdmissionPolicyBinding> = {
  anyFinalizer: true,
  metadataInUpdate: ['whole'],
  validate: (object) => [
    ...validateBinding(object),
    ...validateActions(object.spec?.validationActions, 'spec.validationActions'),
  ],
  warnings: (object) => policyNameWarnings(object.metadata.name),
};

export const mutatingAdmissionPolicyBinding: KindBehaviour<MutatingAdmissionPolicyBinding> = {
  anyFinalizer: true,
  metadataInUpdate: ['whole'],
  validate: (object) => [
    ...validateBinding(object),
    ...validateMutatingOperations(object.spec?.matchResources, 'spec.matchResources'),
  ],
  warnings: (object) => policyNameWarnings(object.metadata.name),
};
