// Webhooks and policies are not asked about their own configurations: a broken one could not be repaired.
import type { AdmissionAttributes } from '../../context.ts';

const exempt = new Set([
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

export const isExempt = ({ requested }: AdmissionAttributes): boolean =>
  requested.group === 'admissionregistration.k8s.io' && exempt.has(requested.resource);
