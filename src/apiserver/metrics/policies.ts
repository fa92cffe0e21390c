// What admission policies and Pod Security decided, under upstream's names.
import type { MetricRegistry } from '#base/metrics/registry.ts';

export type EnforcementAction = 'allow' | 'deny' | 'warn' | 'audit';

export interface PolicyMetrics {
  /** Expressions of one policy for one request. */
  onEvaluated(seconds: number): void;
  /** An expression of a validating policy that did not hold. `message`: what it told. */
  onValidation(policy: string, binding: string, action: EnforcementAction, message: string, seconds: number): void;
  /** A mutation of a mutating policy; `message`: why it could not be done. */
  onMutation(policy: string, binding: string, message: string | undefined, seconds: number): void;
}

const checkBoundsSeconds = [0.000_000_5, 0.001, 0.01, 0.1, 1];
const celBoundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const errorType = (message: string): string =>
  message.startsWith('compilation')
    ? 'compile_error'
    : message.startsWith('validation failed due to running out of cost budget')
      ? 'out_of_budget'
      : 'invalid_error';

export function policyMetrics(registry: MetricRegistry): PolicyMetrics {
  const evaluations = registry
    .histogram('apiserver_cel_evaluation_duration_seconds', 'How long expressions took.', celBoundsSeconds)
    .with({});
  const about = ['error_type', 'policy', 'policy_binding'] as const;
  const validating = 'apiserver_validating_admission_policy_';
  const checks = registry.counter(`${validating}check_total`, 'Expressions of policies that did not hold.', [
    'enforcement_action',
    ...about,
  ]);
  const checkTimes = registry.histogram(
    `${validating}check_duration_seconds`,
    'How long they took.',
    checkBoundsSeconds,
    ['enforcement_action', ...about],
  );
  const mutating = 'apiserver_mutating_admission_policy_';
  const mutations = registry.counter(`${mutating}check_total`, 'Mutations of policies.', about);
  const mutationTimes = registry.histogram(
    `${mutating}check_duration_seconds`,
    'How long they took.',
    checkBoundsSeconds,
    about,
  );
  return {
    onEvaluated: (seconds) => evaluations.observe(seconds),
    onValidation(policy, binding, action, message, seconds) {
      const labels = {
        policy,
        policy_binding: binding,
        error_type: errorType(message),
        enforcement_action: action,
      };
      checks.with(labels).add();
      checkTimes.with(labels).observe(seconds);
    },
    onMutation(policy, binding, message, seconds) {
      const type = message === undefined ? 'no_error' : errorType(message);
      const labels = { policy, policy_binding: binding, error_type: type };
      mutations.with(labels).add();
      mutationTimes.with(labels).observe(seconds);
    },
  };
}

export interface PodSecurityRequest {
  readonly operation: string;
  /** Plural: of Pods, Namespaces, or what makes Pods. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
}
export interface PodSecurityMetrics {
  onEvaluation(
    request: PodSecurityRequest,
    evaluation: {
      readonly mode: string;
      readonly level: string;
      readonly version: number | 'latest';
      readonly allowed: boolean;
    },
  ): void;
  onExemption(request: PodSecurityRequest): void;
  /** `isFatal`: nothing could be judged. */
  onError(request: PodSecurityRequest, isFatal: boolean): void;
}

const resourceLabel = (resource: string): string =>
  resource === 'pods' ? 'pod' : resource === 'namespaces' ? 'namespace' : 'controller';
/** Minor releases of this server and before are told by number. */
const minorMax = 36;
const versionLabel = (version: number | 'latest'): string =>
  version === 'latest' ? version : version > minorMax ? 'future' : `v1.${version}`;
/** OpenShift tells those of the platform by name, as there is a known number of them. */
const platformNamespace = (name: string): string =>
  /^(openshift$|openshift-|kube-)/.test(name) || name === 'default' ? name : '';

export function podSecurityMetrics(registry: MetricRegistry): PodSecurityMetrics {
  const about = ['request_operation', 'resource', 'subresource'] as const;
  const evaluations = registry.counter('pod_security_evaluations_total', 'Judgements of Pod Security.', [
    'decision',
    'mode',
    'ocp_namespace',
    'policy_level',
    'policy_version',
    ...about,
  ]);
  const exemptions = registry.counter('pod_security_exemptions_total', 'Requests that are not judged.', about);
  const errors = registry.counter('pod_security_errors_total', 'What was in the way of a judgement.', [
    'fatal',
    ...about,
  ]);
  const labelsOf = ({ operation, resource, subresource }: PodSecurityRequest) => ({
    request_operation: operation.toLowerCase(),
    resource: resourceLabel(resource),
    subresource,
  });
  return {
    onEvaluation(request, { allowed, level, mode, version }) {
      evaluations
        .with({
          ...labelsOf(request),
          decision: allowed ? 'allow' : 'deny',
          mode,
          ocp_namespace: platformNamespace(request.namespace),
          policy_level: level,
          policy_version: level === 'privileged' ? 'latest' : versionLabel(version),
        })
        .add();
    },
    onExemption: (request) => exemptions.with(labelsOf(request)).add(),
    onError: (request, isFatal) => errors.with({ ...labelsOf(request), fatal: String(isFatal) }).add(),
  };
}
