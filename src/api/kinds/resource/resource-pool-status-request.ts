// ResourcePoolStatusRequest: somebody asks how the pools of a driver are; the answer comes once, in its status.
import { duplicate, invalid, required, tooLong, tooMany, type FieldError } from '../../field-error.ts';
import type { PoolStatus, ResourcePoolStatusRequest } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { byteLength, longName, longNameCaseless } from '../../meta/names.ts';
import { conditionErrors } from '../../validation/conditions.ts';
import { semanticEqual, texts } from '../../validation/fields.ts';

const poolsMax = 1_000;
const conditionsMax = 10;
const limitMax = 1_000;
const poolNameMax = 253;
const errorBytesMax = 256;

const caseless = (path: string, name: string | undefined): FieldError[] =>
  (name ?? '') === '' ? [required(path)] : texts(path, name, longNameCaseless(name!));

function poolName(path: string, name: string): FieldError[] {
  return [
    ...(byteLength(name) > poolNameMax ? [tooLong(path, poolNameMax)] : []),
    ...name
      .split('/')
      .flatMap((part, index) =>
        part === ''
          ? [invalid(path, name, `segment ${index}: must not be empty`)]
          : longName(part).map((text) => invalid(path, part, `segment ${index}: ${text}`)),
      ),
  ];
}

const atLeast = (path: string, value: number | undefined, least: number): FieldError[] =>
  value !== undefined && value < least ? [invalid(path, value, `must be greater than or equal to ${least}`)] : [];

function specErrors({ spec }: ResourcePoolStatusRequest): FieldError[] {
  const { driver, poolName: pool, limit } = spec ?? {};
  return [
    ...caseless('spec.driver', driver),
    ...(pool === undefined ? [] : poolName('spec.poolName', pool)),
    ...atLeast('spec.limit', limit, 1),
    ...(limit !== undefined && limit > limitMax
      ? [invalid('spec.limit', limit, `must be less than or equal to ${limitMax}`)]
      : []),
  ];
}

const counts = ['totalDevices', 'allocatedDevices', 'availableDevices', 'unavailableDevices'] as const;

const poolErrors = (path: string, pool: Partial<PoolStatus>): FieldError[] => [
  ...caseless(`${path}.driver`, pool.driver),
  ...((pool.poolName ?? '') === '' ? [required(`${path}.poolName`)] : poolName(`${path}.poolName`, pool.poolName!)),
  ...((pool.generation ?? 0) === 0
    ? [required(`${path}.generation`)]
    : atLeast(`${path}.generation`, pool.generation, 0)),
  ...atLeast(`${path}.resourceSliceCount`, pool.resourceSliceCount, 1),
  ...counts.flatMap((name) => atLeast(`${path}.${name}`, pool[name], 0)),
  ...(pool.nodeName === undefined ? [] : texts(`${path}.nodeName`, pool.nodeName, longName(pool.nodeName))),
  ...(pool.validationError !== undefined && byteLength(pool.validationError) > errorBytesMax
    ? [tooLong(`${path}.validationError`, errorBytesMax)]
    : []),
];

function statusErrors({ status }: ResourcePoolStatusRequest): FieldError[] {
  if (status === undefined) return [];
  const { poolCount, pools = [], conditions = [] } = status;
  return [
    ...((poolCount as number | undefined) === undefined
      ? [required('status.poolCount')]
      : atLeast('status.poolCount', poolCount, 0)),
    ...(pools.length > poolsMax
      ? [tooMany('status.pools', pools.length, poolsMax)]
      : pools.flatMap((one, index) => poolErrors(`status.pools[${index}]`, one))),
    ...(conditions.length > conditionsMax
      ? [tooMany('status.conditions', conditions.length, conditionsMax)]
      : conditions.flatMap((one, index) =>
          conditions.findIndex(({ type }) => type === one.type) < index
            ? [duplicate(`status.conditions[${index}]`, { type: one.type })]
            : [],
        )),
  ];
}

export const resourcePoolStatusRequest: KindBehaviour<ResourcePoolStatusRequest> = {
  prepareForCreate(object) {
    delete object.status;
  },
  validate: (object) => specErrors(object),
  validateUpdate(object, previous, subresource) {
    if (subresource === '')
      return semanticEqual(object.spec, previous.spec) ? [] : [invalid('spec', null, 'field is immutable')];
    // An answer stays as it is.
    if (previous.status !== undefined)
      return semanticEqual(object.status, previous.status)
        ? []
        : [invalid('status', object.status ?? null, 'field is immutable'), ...statusErrors(object)];
    return [...statusErrors(object), ...conditionErrors('status.conditions', object.status?.conditions)];
  },
};
