// The objects that the simulated user makes, each drawn from dice.
import type {
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  PodSpec,
  PodTemplateSpec,
  ResourceQuota,
  Service,
  StatefulSet,
} from '#api/generated/types.ts';
import type { Dice } from '../world/dice.ts';
import { absentImage, crashImage, flakyImage, serveImages, taskImage } from '../world/programs.ts';

export interface ObjectPlace {
  readonly namespace: string;
  readonly name: string;
}

const labelsOf = (name: string) => ({ app: name });

const serverImage = (dice: Dice): string =>
  dice.chance(0.1) ? crashImage : dice.chance(0.05) ? absentImage : (dice.pick(serveImages) ?? '');

export function serverPod(dice: Dice): PodSpec {
  const probe = { httpGet: { path: '/', port: 80 }, periodSeconds: dice.between(1, 10), failureThreshold: 2 };
  return {
    containers: [
      {
        name: 'main',
        image: serverImage(dice),
        ...(dice.chance(0.5) ? { readinessProbe: probe } : {}),
        ...(dice.chance(0.2) ? { livenessProbe: probe } : {}),
        // Now and then so large that nodes get full.
        resources: { requests: { cpu: `${dice.chance(0.15) ? 1_500 : dice.between(1, 5) * 50}m`, memory: '64Mi' } },
      },
      ...(dice.chance(0.15) ? [{ name: 'second', image: serveImages[0] }] : []),
    ],
    ...(dice.chance(0.2) ? { initContainers: [{ name: 'prepare', image: taskImage }] } : {}),
    ...(dice.chance(0.15) ? { priorityClassName: 'openshift-user-critical' } : {}),
    terminationGracePeriodSeconds: dice.between(0, 1) * dice.between(1, 20),
    ...(dice.chance(0.3)
      ? {
          tolerations: [
            { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 20 },
          ],
        }
      : {}),
  };
}

const template = (name: string, spec: PodSpec): PodTemplateSpec => ({ metadata: { labels: labelsOf(name) }, spec });

export const deployment = ({ namespace, name }: ObjectPlace, dice: Dice): Deployment => ({
  metadata: { namespace, name },
  spec: {
    replicas: dice.between(0, 4),
    selector: { matchLabels: labelsOf(name) },
    template: template(name, serverPod(dice)),
    ...(dice.chance(0.3) ? { strategy: { type: 'Recreate' } } : {}),
    ...(dice.chance(0.2) ? { minReadySeconds: dice.between(1, 10) } : {}),
    revisionHistoryLimit: dice.between(0, 3),
    progressDeadlineSeconds: dice.between(30, 120),
  },
});

export const statefulSet = ({ namespace, name }: ObjectPlace, dice: Dice): StatefulSet => ({
  metadata: { namespace, name },
  spec: {
    replicas: dice.between(0, 3),
    serviceName: name,
    selector: { matchLabels: labelsOf(name) },
    template: template(name, serverPod(dice)),
    ...(dice.chance(0.4) ? { podManagementPolicy: 'Parallel' } : {}),
    ...(dice.chance(0.4)
      ? {
          volumeClaimTemplates: [
            {
              metadata: { name: 'data' },
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            },
          ],
          ...(dice.chance(0.5)
            ? { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' } }
            : {}),
        }
      : {}),
  },
});

export const daemonSet = ({ namespace, name }: ObjectPlace, dice: Dice): DaemonSet => ({
  metadata: { namespace, name },
  spec: {
    selector: { matchLabels: labelsOf(name) },
    template: template(name, serverPod(dice)),
    ...(dice.chance(0.3) ? { updateStrategy: { type: 'OnDelete' } } : {}),
  },
});

export const job = ({ namespace, name }: ObjectPlace, dice: Dice): Job => ({
  metadata: { namespace, name },
  spec: {
    parallelism: dice.between(1, 3),
    completions: dice.between(1, 5),
    backoffLimit: dice.between(0, 4),
    ...(dice.chance(0.3) ? { completionMode: 'Indexed' } : {}),
    ...(dice.chance(0.2) ? { activeDeadlineSeconds: dice.between(10, 90) } : {}),
    ...(dice.chance(0.3) ? { ttlSecondsAfterFinished: dice.between(1, 60) } : {}),
    ...(dice.chance(0.2) ? { suspend: true } : {}),
    template: template(name, {
      restartPolicy: dice.chance(0.5) ? 'Never' : 'OnFailure',
      containers: [{ name: 'main', image: dice.chance(0.4) ? flakyImage : taskImage }],
    }),
  },
});

export const cronJob = (place: ObjectPlace, dice: Dice): CronJob => ({
  metadata: place,
  spec: {
    schedule: '* * * * *',
    concurrencyPolicy: dice.pick(['Allow', 'Forbid', 'Replace']) ?? 'Allow',
    successfulJobsHistoryLimit: dice.between(0, 2),
    failedJobsHistoryLimit: dice.between(0, 1),
    jobTemplate: { metadata: {}, spec: { ...job(place, dice).spec!, suspend: false } },
  },
});

const servingCertificate = 'service.beta.openshift.io/serving-cert-secret-name';

export const service = ({ namespace, name }: ObjectPlace, dice: Dice): Service => ({
  metadata: {
    namespace,
    name,
    ...(dice.chance(0.3) ? { annotations: { [servingCertificate]: `${name}-tls` } } : {}),
  },
  spec: {
    selector: labelsOf(name),
    ports: [{ port: 80, targetPort: 80 }],
    ...(dice.chance(0.3) ? { clusterIP: 'None' } : dice.chance(0.3) ? { type: 'NodePort' } : {}),
    ...(dice.chance(0.2) ? { publishNotReadyAddresses: true } : {}),
  },
});

export const claim = ({ namespace, name }: ObjectPlace): PersistentVolumeClaim => ({
  metadata: { namespace, name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

export const budget = ({ namespace, name }: ObjectPlace, dice: Dice): PodDisruptionBudget => ({
  metadata: { namespace, name },
  spec: {
    selector: { matchLabels: labelsOf(name) },
    ...(dice.chance(0.5)
      ? { minAvailable: dice.chance(0.5) ? 1 : '50%' }
      : { maxUnavailable: dice.chance(0.7) ? 1 : '30%' }),
  },
});

export const quota = ({ namespace, name }: ObjectPlace, dice: Dice): ResourceQuota => ({
  metadata: { namespace, name },
  spec: { hard: { pods: String(dice.between(2, 8)), services: '3', persistentvolumeclaims: '3' } },
});

/** A Pod of nobody, with a claim or as an orphan that a controller may adopt. */
export const lonelyPod = ({ namespace, name }: ObjectPlace, dice: Dice, claimName: string | undefined) => ({
  metadata: { namespace, name: `${name}-${dice.between(1, 99)}`, labels: dice.chance(0.5) ? labelsOf(name) : {} },
  spec: {
    ...serverPod(dice),
    ...(claimName === undefined ? {} : { volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }] }),
    restartPolicy: dice.pick(['Always', 'OnFailure', 'Never']) ?? 'Always',
  },
});
