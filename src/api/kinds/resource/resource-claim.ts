// ResourceClaim and ResourceClaimTemplate: devices that somebody wants, and which were given.
import { forbidden, invalid, notSupported, required, tooLong, tooMany, type FieldError } from '../../field-error.ts';
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceClaim,
  DeviceConstraint,
  DeviceRequest,
  DeviceRequestAllocationResult,
  DeviceSubRequest,
  ExactDeviceRequest,
  NetworkDeviceData,
  ResourceClaimConsumerReference,
  ResourceClaimResourceV1 as ResourceClaim,
  ResourceClaimStatus,
  ResourceClaimTemplate,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { loadCel } from '../../cel/cel.ts';
import { byteLength } from '../../meta/names.ts';
import { validateAnnotations, validateLabels } from '../../meta/object-meta.ts';
import { interfaceAddressErrors } from '../../validation/addresses.ts';
import { conditionErrors } from '../../validation/conditions.ts';
import {
  bindingErrors,
  fullyQualifiedNameErrors,
  itemErrors,
  objectErrors,
  opaqueErrors,
  poolNameErrors,
  setErrors,
  tolerationErrors,
  uidErrors,
} from '../../validation/devices.ts';
import { driverNameErrors } from '../../validation/class-parameters.ts';
import { selectorErrors } from '../../validation/device-selector.ts';
import { immutable, isAbsent, labelErrors, subdomainErrors } from '../../validation/fields.ts';
import { nodeSelectorErrors } from '../../validation/scheduling.ts';

const requestsMax = 32;
const subRequestsMax = 8;
const constraintsMax = 32;
const configMax = 32;
const resultsMax = 32;
const consumersMax = 256;
const conditionsMax = 8;
const addressesMax = 16;
const interfaceNameBytesMax = 256;
const hardwareAddressBytesMax = 128;

/** Names of requests, each with those of its alternatives. */
type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;
const namesOf = (devices: DeviceClaim): RequestNames =>
  new Map(
    (devices.requests ?? []).map(({ name, firstAvailable }) => [
      name,
      new Set((firstAvailable ?? []).map((one) => one.name)),
    ]),
  );

const badReference =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
function referenceErrors(path: string, reference: string, names: RequestNames): FieldError[] {
  const parts = reference.split('/');
  if (parts.length > 2) return [invalid(path, reference, badReference)];
  const [request = '', alternative] = parts;
  const alternatives = names.get(request);
  const known = alternatives !== undefined && (alternative === undefined || alternatives.has(alternative));
  return [
    ...parts.flatMap((part) => labelErrors(path, part)),
    ...(known ? [] : [invalid(path, reference, badReference)]),
  ];
}
const referencesErrors = (path: string, references: readonly string[] | undefined, names: RequestNames) =>
  setErrors(
    path,
    references,
    requestsMax,
    (at, one) => referenceErrors(at, one, names),
    (one) => one,
  );

function modeErrors(path: string, mode: string | undefined, count = 0): FieldError[] {
  if (mode === 'All')
    return count === 0 ? [] : [invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'")];
  if (mode === 'ExactCount') return count > 0 ? [] : [invalid(`${path}.count`, count, 'must be greater than zero')];
  return [notSupported(`${path}.allocationMode`, mode ?? '', ['All', 'ExactCount'])];
}

const wantedErrors = (path: string, wanted: Partial<ExactDeviceRequest & DeviceSubRequest>): FieldError[] => [
  ...(isAbsent(wanted.deviceClassName)
    ? [required(`${path}.deviceClassName`)]
    : subdomainErrors(`${path}.deviceClassName`, wanted.deviceClassName)),
  ...selectorErrors(`${path}.selectors`, wanted.selectors),
  ...modeErrors(path, wanted.allocationMode, wanted.count),
  ...(wanted.tolerations ?? []).flatMap((one, index) => tolerationErrors(`${path}.tolerations[${index}]`, one)),
];

function requestErrors(path: string, request: Partial<DeviceRequest>): FieldError[] {
  const { name = '', exactly, firstAvailable = [] } = request;
  const errors = labelErrors(`${path}.name`, name);
  const one = 'exactly one of `exactly` or `firstAvailable` is required';
  if (firstAvailable.length === 0)
    return exactly === undefined
      ? [...errors, required(path, one)]
      : [...errors, ...wantedErrors(`${path}.exactly`, exactly)];
  if (exactly !== undefined) return [...errors, invalid(path, null, `${one}, but multiple fields are set`)];
  return [
    ...errors,
    ...setErrors(
      `${path}.firstAvailable`,
      firstAvailable,
      subRequestsMax,
      (at, sub) => [...labelErrors(`${at}.name`, sub.name ?? ''), ...wantedErrors(at, sub)],
      (sub) => sub.name,
    ),
  ];
}

function constraintErrors(path: string, constraint: DeviceConstraint, names: RequestNames): FieldError[] {
  const { requests, matchAttribute: match, distinctAttribute: distinct } = constraint;
  return [
    ...referencesErrors(`${path}.requests`, requests, names),
    ...(match !== undefined
      ? fullyQualifiedNameErrors(`${path}.matchAttribute`, match)
      : distinct !== undefined
        ? fullyQualifiedNameErrors(`${path}.distinctAttribute`, distinct)
        : [
            required(
              path,
              'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
            ),
          ]),
  ];
}

function claimErrors(path: string, devices: DeviceClaim): FieldError[] {
  const names = namesOf(devices);
  return [
    ...setErrors(`${path}.requests`, devices.requests, requestsMax, requestErrors, (one) => one.name),
    ...itemErrors(`${path}.constraints`, devices.constraints, constraintsMax, (at, one) =>
      constraintErrors(at, one, names),
    ),
    ...itemErrors(`${path}.config`, devices.config, configMax, (at, { requests, opaque }) => [
      ...referencesErrors(`${at}.requests`, requests, names),
      ...opaqueErrors(at, opaque),
    ]),
  ];
}

/** Of a device that was given: some are given to several claims, in shares. */
const deviceId = ({ driver, pool, device, shareID }: Partial<DeviceRequestAllocationResult>): string =>
  [driver ?? '', pool ?? '', device ?? '', ...(shareID === undefined ? [] : [shareID])].join('/');

function resultErrors(path: string, result: Partial<DeviceRequestAllocationResult>, names: RequestNames): FieldError[] {
  return [
    ...referenceErrors(`${path}.request`, result.request ?? '', names),
    ...driverNameErrors(`${path}.driver`, result.driver),
    ...poolNameErrors(`${path}.pool`, result.pool),
    ...labelErrors(`${path}.device`, result.device ?? ''),
    ...bindingErrors(path, result.bindingConditions, result.bindingFailureConditions),
    ...(result.shareID === undefined ? [] : uidErrors(`${path}.shareID`, result.shareID)),
  ];
}

function allocatedConfigErrors(
  path: string,
  config: Partial<DeviceAllocationConfiguration>,
  names: RequestNames,
): FieldError[] {
  const { source = '', requests, opaque } = config;
  return [
    ...(source === ''
      ? [required(`${path}.source`)]
      : source === 'FromClass' || source === 'FromClaim'
        ? []
        : [notSupported(`${path}.source`, source, ['FromClaim', 'FromClass'])]),
    ...referencesErrors(`${path}.requests`, requests, names),
    ...opaqueErrors(path, opaque),
  ];
}

function allocationErrors(path: string, allocation: AllocationResult, names: RequestNames): FieldError[] {
  const { devices = {}, nodeSelector } = allocation;
  return [
    ...itemErrors(`${path}.devices.results`, devices.results, resultsMax, (at, one) => resultErrors(at, one, names)),
    ...itemErrors(`${path}.devices.config`, devices.config, 2 * configMax, (at, one) =>
      allocatedConfigErrors(at, one, names),
    ),
    ...(nodeSelector === undefined ? [] : nodeSelectorErrors(`${path}.nodeSelector`, nodeSelector)),
  ];
}

const consumerErrors = (path: string, consumer: Partial<ResourceClaimConsumerReference>): FieldError[] =>
  (['resource', 'name', 'uid'] as const).flatMap((field) =>
    isAbsent(consumer[field]) ? [required(`${path}.${field}`)] : [],
  );

function networkErrors(path: string, network: NetworkDeviceData | undefined): FieldError[] {
  if (network === undefined) return [];
  const { interfaceName = '', hardwareAddress = '', ips } = network;
  return [
    ...(byteLength(interfaceName) > interfaceNameBytesMax
      ? [tooLong(`${path}.interfaceName`, interfaceNameBytesMax)]
      : []),
    ...(byteLength(hardwareAddress) > hardwareAddressBytesMax
      ? [tooLong(`${path}.hardwareAddress`, hardwareAddressBytesMax)]
      : []),
    ...setErrors(`${path}.ips`, ips, addressesMax, interfaceAddressErrors, (one) => one),
  ];
}

function deviceErrors(path: string, device: Partial<AllocatedDeviceStatus>, given: ReadonlySet<string>): FieldError[] {
  const conditions = device.conditions ?? [];
  return [
    ...driverNameErrors(`${path}.driver`, device.driver),
    ...poolNameErrors(`${path}.pool`, device.pool),
    ...labelErrors(`${path}.device`, device.device ?? ''),
    ...(device.shareID === undefined ? [] : uidErrors(`${path}.shareID`, device.shareID)),
    ...(given.has(deviceId(device))
      ? []
      : [invalid(path, deviceId(device), 'must be an allocated device in the claim')]),
    ...(conditions.length > conditionsMax ? [tooMany(`${path}.conditions`, conditions.length, conditionsMax)] : []),
    ...conditionErrors(`${path}.conditions`, conditions),
    ...(device.data === undefined ? [] : objectErrors(`${path}.data`, device.data)),
    ...networkErrors(`${path}.networkData`, device.networkData),
  ];
}

const consumerId = ({ apiGroup = '', resource, name, uid }: ResourceClaimConsumerReference) =>
  JSON.stringify([apiGroup, resource, name, uid]);

function reservationErrors(
  object: ResourceClaim,
  status: ResourceClaimStatus,
  before: ResourceClaimStatus,
): FieldError[] {
  const at = 'status.reservedFor';
  const consumers = status.reservedFor ?? [];
  if (consumers.length === 0) return [];
  if (status.allocation === undefined) return [forbidden(at, 'may not be specified when `allocated` is not set')];
  if (object.metadata.deletionTimestamp === undefined) return [];
  const known = new Set((before.reservedFor ?? []).map(consumerId));
  return consumers.every((one) => known.has(consumerId(one)))
    ? []
    : [forbidden(at, 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set')];
}

function statusErrors(object: ResourceClaim, previous: ResourceClaim): FieldError[] {
  const [status, before] = [object.status ?? {}, previous.status ?? {}];
  const given = new Set((status.allocation?.devices?.results ?? []).map(deviceId));
  const names = namesOf(object.spec?.devices ?? {});
  return [
    ...setErrors('status.reservedFor', status.reservedFor, consumersMax, consumerErrors, (one) => one.uid),
    ...setErrors(
      'status.devices',
      status.devices,
      Infinity,
      (at, one) => deviceErrors(at, one, given),
      // As Go's type of it.
      ({ driver, pool, device, shareID }) => ({ Driver: driver, Pool: pool, Device: device, ShareID: shareID ?? '' }),
    ),
    ...reservationErrors(object, status, before),
    ...(status.allocation === undefined
      ? []
      : before.allocation === undefined
        ? allocationErrors('status.allocation', status.allocation, names)
        : immutable('status.allocation', status.allocation, before.allocation)),
  ];
}

const specErrors = (path: string, spec: { readonly devices?: DeviceClaim | undefined } | undefined): FieldError[] =>
  claimErrors(`${path}.devices`, spec?.devices ?? {});

export const resourceClaim: KindBehaviour<ResourceClaim> = {
  load: () => loadCel(),
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource !== 'status' || object.status?.devices === undefined || previous.status?.allocation === undefined)
      return;
    // What drivers said of devices goes with them.
    const given = new Set((object.status.allocation?.devices?.results ?? []).map(deviceId));
    const old = new Set(previous.status.allocation.devices?.results?.map(deviceId));
    const devices = object.status.devices.filter((one) => given.has(deviceId(one)) || !old.has(deviceId(one)));
    if (devices.length > 0) object.status.devices = devices;
    else delete object.status.devices;
  },
  validate: (object) => specErrors('spec', object.spec),
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status' ? statusErrors(object, previous) : immutable('spec', object.spec, previous.spec),
};

function templateErrors({ spec }: ResourceClaimTemplate): FieldError[] {
  const metadata: Partial<ResourceClaimTemplate['metadata']> = spec?.metadata ?? {};
  return [
    ...validateAnnotations(metadata.annotations, 'spec.metadata.annotations'),
    ...validateLabels(metadata.labels, 'spec.metadata.labels'),
    ...Object.entries(metadata)
      .filter(([name, value]) => name !== 'annotations' && name !== 'labels' && !isAbsent(value as string))
      .map(([name]) => forbidden(`spec.metadata.${name === 'uid' ? 'uID' : name}`, 'cannot be set')),
    ...specErrors('spec.spec', spec?.spec),
  ];
}

export const resourceClaimTemplate: KindBehaviour<ResourceClaimTemplate> = {
  load: () => loadCel(),
  validate: templateErrors,
  validateUpdate: (object, previous) => [...templateErrors(object), ...immutable('spec', object.spec, previous.spec)],
};
