// Every Pod has a service account, its token mounted where clients look for it, and the account's pull secrets.
import { nameSuffix } from '#base/random.ts';
import type { Pod, ServiceAccount, VolumeProjection } from '#api/generated/types.ts';
import { ServiceAccounts } from '#api/generated/kind-references.ts';
import type { Mutable } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import { forbiddenError } from '#api/status.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isCreate, only } from './operations.ts';
import { refusedName } from './refused-name.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const volumePrefix = 'kube-api-access-';
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
/** An hour and seven seconds: tells tokens that pods get by themselves from those that someone asked for. */
const expirationSeconds = 3_607;

const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[mirrorAnnotation] !== undefined;

function tokenSources(server: Server): VolumeProjection[] {
  return [
    { serviceAccountToken: { expirationSeconds, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
    ...(server.options.publishesServiceCa === true
      ? [
          {
            configMap: { name: 'openshift-service-ca.crt', items: [{ key: 'service-ca.crt', path: 'service-ca.crt' }] },
          },
        ]
      : []),
  ];
}

function mountToken(pod: Mutable<Pod>, server: Server): void {
  const { spec } = pod;
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix));
  const name = existing?.name ?? volumePrefix + nameSuffix(server.options.random);
  let isNeeded = false;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath) === true) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    isNeeded = true;
  }
  if (existing === undefined && isNeeded)
    spec.volumes = [
      ...(spec.volumes ?? []),
      { name, projected: { sources: tokenSources(server) as never, defaultMode: 420 } },
    ];
}

function mutate(attributes: AdmissionAttributes, server: Server): void {
  if (!isCreate(attributes, '', 'pods')) return;
  const pod = attributes.object as Mutable<Pod>;
  if (isMirror(pod)) return;
  const { spec } = pod;
  if ((spec.serviceAccountName ?? '') === '') spec.serviceAccountName = 'default';
  spec.serviceAccount = spec.serviceAccountName;
  const name = spec.serviceAccountName!;
  const account = server.options.store.get(storageKey(ServiceAccounts, attributes.namespace, name))?.object() as
    | ServiceAccount
    | undefined;
  if (account === undefined)
    throw forbiddenError(
      { group: '', resource: 'pods' },
      refusedName('', pod),
      `error looking up service account ${attributes.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
    );
  if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, server);
  if ((spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0)
    spec.imagePullSecrets = account.imagePullSecrets!.map((secret) => ({ name: secret.name }));
}

function validate(attributes: AdmissionAttributes): void {
  if (!isCreate(attributes, '', 'pods')) return;
  const pod = attributes.object as Mutable<Pod>;
  if (!isMirror(pod)) return;
  const refuse = (text: string) => forbiddenError({ group: '', resource: 'pods' }, refusedName('', pod), text);
  if ((pod.spec.serviceAccountName ?? '') !== '') throw refuse('a mirror pod may not reference service accounts');
  if (
    pod.spec.volumes?.some(
      (volume) => volume.projected?.sources?.some((one) => one.serviceAccountToken !== undefined) === true,
    ) === true
  )
    throw refuse('a mirror pod may not use ServiceAccountToken volume projections');
  if (pod.spec.volumes?.some((volume) => volume.secret !== undefined) === true)
    throw refuse('a mirror pod may not reference secrets');
}

export const serviceAccount: AdmissionPlugin = { name: 'ServiceAccount', concerns: only('pods'), mutate, validate };
