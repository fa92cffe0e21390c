// Cells of devices (resource.k8s.io), flow control and the addresses of Services.
import type {
  DeviceTaintRule,
  FlowSchema,
  IPAddress,
  ParentReference,
  PriorityLevelConfiguration,
  ResourceClaimResourceV1,
  ResourceSlice,
  ServiceCIDR,
} from '../generated/types.ts';
import { ageOf } from '../meta/time.ts';
import { age, none, type CellsOf } from './format.ts';

export const resourceClaimCells: CellsOf<ResourceClaimResourceV1> = (object, now) => {
  const { allocation, reservedFor = [] } = object.status ?? {};
  const deleted = object.metadata.deletionTimestamp !== undefined;
  const states = [
    ...(deleted ? ['deleted'] : []),
    ...(allocation === undefined ? (deleted ? [] : ['pending']) : ['allocated']),
    ...(allocation !== undefined && reservedFor.length > 0 ? ['reserved'] : []),
  ];
  return [object.metadata.name, states.join(','), age(object, now)];
};

export const resourceSliceCells: CellsOf<ResourceSlice> = (object, now) => [
  object.metadata.name,
  object.spec.nodeName ?? '',
  object.spec.driver,
  object.spec.pool.name,
  age(object, now),
];

export const deviceTaintRuleCells: CellsOf<DeviceTaintRule> = (object, now) => {
  const { key, value = '', effect, timeAdded } = object.spec.taint;
  return [
    object.metadata.name,
    key,
    value,
    effect,
    timeAdded === undefined ? '' : ageOf(timeAdded, now),
    age(object, now),
  ];
};

export const flowSchemaCells: CellsOf<FlowSchema> = (object, now) => [
  object.metadata.name,
  object.spec.priorityLevelConfiguration.name,
  object.spec.matchingPrecedence ?? 0,
  object.spec.distinguisherMethod?.type ?? none,
  age(object, now),
  object.status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
];

export const priorityLevelCells: CellsOf<PriorityLevelConfiguration> = (object, now) => {
  const { type, limited } = object.spec;
  const queuing = limited?.limitResponse?.queuing;
  return [
    object.metadata.name,
    type,
    limited?.nominalConcurrencyShares ?? none,
    queuing?.queues ?? none,
    queuing?.handSize ?? none,
    queuing?.queueLengthLimit ?? none,
    age(object, now),
  ];
};

/** Upstream has a third cell, the age, for which it has no column. */
export const ipAddressCells: CellsOf<IPAddress> = (object, now) => {
  const { metadata, spec } = object;
  const { group = '', resource, namespace = '', name }: Partial<ParentReference> = spec?.parentRef ?? {};
  const kind = group === '' ? (resource ?? '') : `${resource}.${group}`;
  return [
    metadata.name,
    spec?.parentRef === undefined
      ? none
      : [kind.toLowerCase(), ...(namespace === '' ? [] : [namespace]), name ?? ''].join('/'),
    age(object, now),
  ];
};

export const serviceCidrCells: CellsOf<ServiceCIDR> = (object, now) => [
  object.metadata.name,
  (object.spec?.cidrs ?? []).join(','),
  age(object, now),
];
