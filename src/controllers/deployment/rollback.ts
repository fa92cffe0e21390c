// The deprecated rollback annotation: back to the template of an older revision.
import { Deployments } from '#api/generated/kind-references.ts';
import type { Deployment } from '#api/generated/types.ts';
import { update, type Decision, type EventRequest } from '../runtime/action.ts';
import {
  aboutDeployment,
  hashLabel,
  isCopied,
  parseRevision,
  rollbackAnnotation,
  sameTemplate,
  type Member,
} from './member.ts';

/** Undefined: no rollback is asked for. 0: to the revision before. */
export function rollbackRevision(deployment: Deployment): bigint | undefined {
  return parseRevision(deployment.metadata.annotations?.[rollbackAnnotation]);
}

export function rollback(deployment: Deployment, revision: bigint, members: readonly Member[]): Decision {
  const { [rollbackAnnotation]: _, ...annotations } = deployment.metadata.annotations ?? {};
  const cleared: Deployment = { ...deployment, metadata: { ...deployment.metadata, annotations } };
  const giveUp = (reason: string, message: string): Decision => ({
    actions: [update(Deployments, cleared)],
    events: [aboutDeployment(deployment, 'Warning', reason, message)],
  });
  const sought =
    revision > 0n
      ? revision
      : (members.map((one) => one.revision).toSorted((one, other) => (one < other ? 1 : one > other ? -1 : 0))[1] ??
        0n);
  if (sought === 0n) return giveUp('DeploymentRollbackRevisionNotFound', 'Unable to find last revision.');
  const template = members.find((one) => one.revision === sought)?.replicaSet.spec.template;
  const source = members.find((one) => one.revision === sought);
  if (source === undefined || template === undefined)
    return giveUp('DeploymentRollbackRevisionNotFound', 'Unable to find the revision to rollback to.');
  const name = JSON.stringify(deployment.metadata.name);
  if (sameTemplate(deployment.spec.template, template))
    return giveUp(
      'DeploymentRollbackTemplateUnchanged',
      `The rollback revision contains the same template as current deployment ${name}`,
    );
  const { [hashLabel]: __, ...labels } = template.metadata.labels ?? {};
  const kept = Object.entries(annotations).filter(([key]) => !isCopied(key));
  const restored = Object.entries(source.replicaSet.metadata.annotations ?? {}).filter(([key]) => isCopied(key));
  const onSuccess = (): EventRequest =>
    aboutDeployment(deployment, 'Normal', 'DeploymentRollback', `Rolled back deployment ${name} to revision ${sought}`);
  return {
    actions: [
      update(
        Deployments,
        {
          ...deployment,
          metadata: { ...deployment.metadata, annotations: Object.fromEntries([...kept, ...restored]) },
          spec: { ...deployment.spec, template: { ...template, metadata: { ...template.metadata, labels } } },
        },
        { onSuccess },
      ),
    ],
  };
}
