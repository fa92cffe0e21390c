// ResourceSlice: the devices of a pool that a driver publishes.
import { duplicate, forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  Counter,
  CounterSet,
  Device,
  DeviceCapacity,
  DeviceCounterConsumption,
  ResourcePool,
  ResourceSlice,
  ResourceSliceSpec,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsDnsSubdomain } from '../../meta/names.ts';
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, quantityValue } from '../../quantity.ts';
import { driverNameErrors } from '../../validation/class-parameters.ts';
import { attributeErrors, attributeValues, mappingErrors } from '../../validation/device-attributes.ts';
import {
  bindingErrors,
  itemErrors,
  mapErrors,
  poolNameErrors,
  qualifiedNameErrors,
  setErrors,
  taintErrors,
} from '../../validation/devices.ts';
import { immutable, isAbsent, labelErrors, semanticEqual, texts } from '../../validation/fields.ts';
import { nodeSelectorErrors } from '../../validation/scheduling.ts';

const devicesMax = 128;
/** With taints or counters. */
const elaborateDevicesMax = 64;
const counterSetsMax = 8;
const countersMax = 32;
const consumptionsMax = 2;
const entriesMax = 32;
const valuesMax = 48;
const taintsMax = 16;
const optionsMax = 10;
/** Of an attribute's name with its domain. */
const nameShown = 63 + 1 + 32;
const labelShown = 63;

const amount = (value: unknown): string => String(value as string);
const shown = (value: unknown): string => canonicalQuantity(amount(value));

function optionErrors(path: string, fallback: string, capacity: string, options: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  options.forEach((option, index) => {
    if (index > 0 && compareQuantities(options[index - 1]!, option) > 0)
      errors.push(invalid(`${path}[${index}]`, shown(option), 'values must be sorted in ascending order'));
  });
  errors.push(
    ...itemErrors(path, options, optionsMax, (at, option) =>
      compareQuantities(option, capacity) > 0
        ? [invalid(at, shown(option), `option is larger than capacity value: ${shown(capacity)}`)]
        : [],
    ),
  );
  if (options.length <= optionsMax) {
    const seen = new Set<bigint>();
    for (const [index, option] of options.entries()) {
      const value = quantityValue(option);
      if (seen.has(value)) errors.push(duplicate(`${path}[${index}]`, value.toString()));
      seen.add(value);
    }
  }
  if (options.length > optionsMax || !options.some((option) => compareQuantities(option, fallback) === 0))
    errors.push(invalid(path, shown(fallback), 'default value is not valid according to the requestPolicy'));
  return errors;
}

function stepErrors(path: string, value: string, min: string, step: string): FieldError[] {
  const size = quantityValue(step);
  return size !== 0n && (quantityValue(value) - quantityValue(min)) % size !== 0n
    ? [invalid(path, shown(value), `value is not a multiple of a given step (${shown(step)}) from (${shown(min)})`)]
    : [];
}

function rangeErrors(
  path: string,
  fallback: string,
  capacity: string,
  range: Partial<CapacityRequestPolicyRange>,
): FieldError[] {
  if (range.min === undefined) return [required(`${path}.min`, 'required when validRange is defined')];
  const min = amount(range.min);
  const errors: FieldError[] = [];
  const wrong = (field: string, value: string, detail: string) =>
    errors.push(invalid(`${path}.${field}`, shown(value), detail));
  if (compareQuantities(min, capacity) > 0) wrong('min', min, `min is larger than capacity value: ${shown(capacity)}`);
  if (compareQuantities(fallback, min) < 0) wrong('min', fallback, `default is less than min: ${shown(min)}`);
  const max = range.max === undefined ? undefined : amount(range.max);
  if (max !== undefined) {
    if (compareQuantities(min, max) > 0) wrong('max', min, `min is larger than max: ${shown(max)}`);
    if (compareQuantities(max, capacity) > 0)
      wrong('max', max, `max is larger than capacity value: ${shown(capacity)}`);
    if (compareQuantities(fallback, max) > 0) wrong('max', fallback, `default is more than max: ${shown(max)}`);
  }
  if (range.step === undefined) return errors;
  const step = amount(range.step);
  const first = formatQuantity(addQuantities(min, step));
  if (compareQuantities(first, capacity) > 0)
    wrong('step', step, `one step ${first} is larger than capacity value: ${shown(capacity)}`);
  errors.push(...stepErrors(`${path}.step`, fallback, min, step));
  if (max !== undefined) errors.push(...stepErrors(`${path}.step`, max, min, step));
  return errors;
}

function policyErrors(path: string, capacity: string, policy: CapacityRequestPolicy): FieldError[] {
  const { default: fallback, validValues = [], validRange: range } = policy;
  if (validValues.length > 0 && range !== undefined)
    return [
      forbidden(
        path,
        'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time',
      ),
    ];
  const field = validValues.length > 0 ? 'validValues' : 'validRange';
  if (validValues.length === 0 && range === undefined) return [];
  if (fallback === undefined) return [required(`${path}.default`, `required when ${field} is defined`)];
  return range === undefined
    ? optionErrors(`${path}.validValues`, amount(fallback), capacity, validValues.map(amount))
    : rangeErrors(`${path}.validRange`, amount(fallback), capacity, range);
}

const capacityErrors =
  (shared: boolean) =>
  (path: string, { value, requestPolicy }: DeviceCapacity): FieldError[] => {
    if (requestPolicy === undefined) return [];
    const at = `${path}.requestPolicy`;
    return shared
      ? policyErrors(at, amount(value ?? '0'), requestPolicy)
      : [forbidden(at, 'allowMultipleAllocations must be true')];
  };

const counterErrors = (
  path: string,
  nameField: string,
  name: string | undefined,
  counters: Readonly<Record<string, Counter>> | undefined,
): FieldError[] => [
  ...(isAbsent(name) ? [required(`${path}.${nameField}`)] : labelErrors(`${path}.${nameField}`, name)),
  ...(Object.keys(counters ?? {}).length === 0
    ? [required(`${path}.counters`)]
    : mapErrors(`${path}.counters`, counters, { entries: countersMax, keyShown: labelShown }, labelErrors, () => [])),
];

interface Placement {
  readonly nodeName?: string | undefined;
  readonly nodeSelector?: Device['nodeSelector'];
  readonly allNodes?: boolean | undefined;
}

const nodeNameErrors = (path: string, name: string): FieldError[] => texts(path, name, nameIsDnsSubdomain(name, false));
const onlyTrue = (path: string, value: boolean | undefined): FieldError[] =>
  value === false ? [invalid(path, false, 'must be either unset or set to true')] : [];

/** Which nodes reach it, said in one way. */
function placementErrors(
  path: string,
  placement: Placement,
  emptyName: string,
  more: readonly string[],
): { errors: FieldError[]; ways: string[] } {
  const { nodeName, nodeSelector, allNodes } = placement;
  const errors: FieldError[] = [];
  if (nodeName !== undefined)
    errors.push(
      ...(nodeName === ''
        ? [invalid(`${path}.nodeName`, nodeName, emptyName)]
        : nodeNameErrors(`${path}.nodeName`, nodeName)),
    );
  if (nodeSelector !== undefined) errors.push(...nodeSelectorErrors(`${path}.nodeSelector`, nodeSelector));
  const ways = [
    ...(isAbsent(nodeName) ? [] : ['nodeName']),
    ...(nodeSelector === undefined ? [] : ['nodeSelector']),
    ...(allNodes === true ? ['allNodes'] : []),
    ...more,
  ].map((name) => `\`${name}\``);
  return { errors, ways };
}

function devicePlacementErrors(path: string, device: Device, perDevice: boolean): FieldError[] {
  if (!perDevice)
    return device.nodeName === undefined && device.nodeSelector === undefined && device.allNodes === undefined
      ? []
      : [
          invalid(
            path,
            null,
            '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
          ),
        ];
  const { errors, ways } = placementErrors(path, device, 'must not be empty', []);
  errors.push(...onlyTrue(`${path}.allNodes`, device.allNodes));
  const one =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (ways.length === 0) errors.push(required(path, one));
  if (ways.length > 1) errors.push(invalid(path, `{${ways.join(', ')}}`, one));
  return errors;
}

function deviceErrors(path: string, device: Device, before: Device | undefined, perDevice: boolean): FieldError[] {
  const [attributes, capacities] = [Object.keys(device.attributes ?? {}), Object.keys(device.capacity ?? {})];
  const entries = attributes.length + capacities.length;
  const values = attributeValues(device);
  const limits = { entries: Infinity, keyShown: nameShown };
  return [
    ...labelErrors(`${path}.name`, device.name ?? ''),
    ...(entries > entriesMax
      ? [invalid(path, entries, `the total number of attributes and capacities must not exceed ${entriesMax}`)]
      : []),
    ...(values > valuesMax
      ? [invalid(path, values, `the total number of attribute values must not exceed ${valuesMax}`)]
      : []),
    ...mapErrors(`${path}.attributes`, device.attributes, limits, qualifiedNameErrors, attributeErrors),
    ...mapErrors(
      `${path}.capacity`,
      device.capacity,
      limits,
      qualifiedNameErrors,
      capacityErrors(device.allowMultipleAllocations === true),
    ),
    ...(before !== undefined && semanticEqual(before.taints, device.taints)
      ? []
      : itemErrors(`${path}.taints`, device.taints, taintsMax, (at, taint) => taintErrors(at, taint))),
    ...setErrors(
      `${path}.consumesCounters`,
      device.consumesCounters,
      consumptionsMax,
      (at, { counterSet, counters }: DeviceCounterConsumption) => counterErrors(at, 'counterSet', counterSet, counters),
      (one) => one.counterSet,
    ),
    ...devicePlacementErrors(path, device, perDevice),
    ...bindingErrors(path, device.bindingConditions, device.bindingFailureConditions),
    ...mappingErrors(`${path}.nodeAllocatableResourceMappings`, device),
  ];
}

const poolErrors = (pool: Partial<ResourcePool>): FieldError[] => [
  ...poolNameErrors('spec.pool.name', pool.name),
  ...((pool.resourceSliceCount ?? 0) <= 0
    ? [invalid('spec.pool.resourceSliceCount', pool.resourceSliceCount ?? 0, 'must be greater than zero')]
    : []),
  ...((pool.generation ?? 0) < 0
    ? [invalid('spec.pool.generation', pool.generation, 'must be greater than or equal to zero')]
    : []),
];

function slicePlacementErrors(spec: ResourceSliceSpec): FieldError[] {
  const perDevice = spec.perDeviceNodeSelection;
  const { errors, ways } = placementErrors(
    'spec',
    spec,
    'must be either unset or set to a non-empty string',
    perDevice === true ? ['perDeviceNodeSelection'] : [],
  );
  const terms = spec.nodeSelector?.nodeSelectorTerms ?? [];
  if (spec.nodeSelector !== undefined && terms.length !== 1)
    errors.push(invalid('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term'));
  errors.push(...onlyTrue('spec.allNodes', spec.allNodes), ...onlyTrue('spec.perDeviceNodeSelection', perDevice));
  const one = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (ways.length === 0) errors.push(required('spec', one));
  if (ways.length > 1) errors.push(invalid('spec', `{${ways.join(', ')}}`, `${one}, but multiple fields are set`));
  return errors;
}

function specErrors(spec: ResourceSliceSpec, before: ResourceSliceSpec | undefined): FieldError[] {
  const devices = spec.devices ?? [];
  const old = new Map((before?.devices ?? []).map((device) => [device.name, device]));
  const elaborate = devices.some(
    ({ taints = [], consumesCounters = [] }) => taints.length + consumesCounters.length > 0,
  );
  return [
    ...driverNameErrors('spec.driver', spec.driver),
    ...poolErrors(spec.pool ?? {}),
    ...(before === undefined
      ? []
      : [
          ...immutable('spec.pool.name', spec.pool?.name, before.pool?.name),
          ...immutable('spec.driver', spec.driver, before.driver),
          ...immutable('spec.nodeName', spec.nodeName, before.nodeName),
        ]),
    ...slicePlacementErrors(spec),
    ...(spec.sharedCounters !== undefined && spec.devices !== undefined
      ? [invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed')]
      : []),
    ...setErrors(
      'spec.devices',
      devices,
      elaborate ? elaborateDevicesMax : devicesMax,
      (path, device) => deviceErrors(path, device, old.get(device.name), spec.perDeviceNodeSelection === true),
      (device) => device.name,
    ),
    ...setErrors(
      'spec.sharedCounters',
      spec.sharedCounters,
      counterSetsMax,
      (path, { name, counters }: CounterSet) => counterErrors(path, 'name', name, counters),
      (set) => set.name,
    ),
  ];
}

export const resourceSlice: KindBehaviour<ResourceSlice> = {
  validate: (object) => specErrors(object.spec ?? {}, undefined),
  validateUpdate: (object, previous) => specErrors(object.spec ?? {}, previous.spec ?? {}),
  warnings({ spec }) {
    const driver = spec?.driver ?? '';
    return driver === driver.toLowerCase()
      ? []
      : [`spec.driver: driver names should be lowercase; ${JSON.stringify(driver)} contains uppercase characters`];
  },
};
