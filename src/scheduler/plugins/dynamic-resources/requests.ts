// The requests of a claim as the allocator tries them: each is a list of alternatives, most often of one.
import type {
  CapacityRequirements,
  DeviceClass,
  DeviceRequest,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
} from '#api/generated/types.ts';

/** One way to satisfy a request. */
export interface Option {
  readonly name: string;
  /** Of the request whose alternative it is. */
  readonly parent: string | undefined;
  /** `request` or `request/alternative`. */
  readonly fullName: string;
  readonly className: string;
  readonly mode: string;
  readonly count: number;
  readonly adminAccess: boolean;
  readonly selectors: readonly DeviceSelector[];
  readonly tolerations: readonly DeviceToleration[];
  readonly capacity: CapacityRequirements | undefined;
}

export const optionsOf = ({ name: request, exactly, firstAvailable = [] }: DeviceRequest): readonly Option[] => {
  const all = exactly === undefined ? firstAvailable : [{ ...exactly, name: request }];
  return all.map((one) => ({
    name: one.name,
    parent: exactly === undefined ? request : undefined,
    fullName: exactly === undefined ? `${request}/${one.name}` : request,
    className: one.deviceClassName,
    mode: one.allocationMode ?? 'ExactCount',
    count: one.count ?? 1,
    adminAccess: exactly?.adminAccess === true,
    selectors: one.selectors ?? [],
    tolerations: one.tolerations ?? [],
    capacity: one.capacity,
  }));
};

/** Where expressions stand, for messages about them. */
export const selectorsOf = (option: Option, deviceClass: DeviceClass, claim: string) => [
  ...(deviceClass.spec?.selectors ?? []).map(({ cel }, index) => ({
    expression: cel?.expression,
    where: `class ${deviceClass.metadata.name}: selector #${index}`,
  })),
  ...option.selectors.map(({ cel }, index) => ({
    expression: cel?.expression,
    where: `claim ${claim}: selector #${index}`,
  })),
];

const tolerates = ({ key, operator, value, effect }: DeviceToleration, taint: DeviceTaint): boolean =>
  ((effect ?? '') === '' || effect === taint.effect) &&
  ((key ?? '') === '' || key === taint.key) &&
  ((operator ?? '') === '' || operator === 'Equal' ? (value ?? '') === (taint.value ?? '') : operator === 'Exists');

/** Effects that are not known keep nothing away. */
export const isTainted = (taints: readonly DeviceTaint[], { tolerations }: Option): boolean =>
  taints.some(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !tolerations.some((one) => tolerates(one, taint)),
  );
