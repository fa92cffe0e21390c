// Groups of the Kubernetes community take custom resources only with a word on where they were approved.
import type { CustomResourceDefinition } from '../generated/types.ts';

export const approvalAnnotation = 'api-approved.kubernetes.io';
const explanation = 'see https://github.com/kubernetes/enhancements/pull/1111';

const isProtected = (group: string): boolean => /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group);

const isUrl = (text: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/\s]+/.test(text);

export interface Approval {
  readonly status: 'True' | 'False';
  readonly reason: 'MissingAnnotation' | 'UnapprovedAnnotation' | 'ApprovedAnnotation' | 'InvalidAnnotation';
  readonly message: string;
}

/** Undefined: the group needs no approval. */
export function apiApproval({ spec, metadata }: CustomResourceDefinition): Approval | undefined {
  if (!isProtected(spec.group)) return undefined;
  const text = metadata.annotations?.[approvalAnnotation] ?? '';
  const need = `protected groups must have approval annotation ${JSON.stringify(approvalAnnotation)}`;
  if (text === '') return { status: 'False', reason: 'MissingAnnotation', message: `${need}, ${explanation}` };
  if (text.startsWith('unapproved'))
    return { status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: ${JSON.stringify(text)}` };
  if (isUrl(text)) return { status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${text}` };
  return {
    status: 'False',
    reason: 'InvalidAnnotation',
    message: `${need} with either a URL or a reason starting with "unapproved", ${explanation}`,
  };
}
