// What is written into a claim's status: the devices that were chosen, the configuration for their drivers, the nodes that have them.
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NodeSelector,
  NodeSelectorRequirement,
} from '#api/generated/types.ts';
import { formatQuantity } from '#api/quantity.ts';
import { AllocationError, type ChosenDevice, type ClaimChoice } from './allocate.ts';

/** `shareId`: a new uid for each device that is shared. */
export function allocationResult(choice: ClaimChoice, node: string, shareId: () => string): AllocationResult {
  const config = configurations(choice);
  const nodeSelector = nodesOf(choice.devices, node, choice.claim.metadata.name!);
  return {
    devices: {
      ...(choice.devices.length === 0 ? {} : { results: choice.devices.map((one) => resultOf(one, shareId)) }),
      ...(config.length === 0 ? {} : { config }),
    },
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
  };
}

function resultOf(
  { option, device, slice, consumed }: ChosenDevice,
  shareId: () => string,
): DeviceRequestAllocationResult {
  const { bindingConditions = [], bindingFailureConditions = [] } = device;
  return {
    request: option.fullName,
    driver: slice.spec.driver,
    pool: slice.spec.pool.name,
    device: device.name,
    ...(option.adminAccess ? { adminAccess: true } : {}),
    ...(option.tolerations.length === 0 ? {} : { tolerations: option.tolerations }),
    ...(bindingConditions.length === 0 ? {} : { bindingConditions }),
    ...(bindingFailureConditions.length === 0 ? {} : { bindingFailureConditions }),
    ...(consumed === undefined ? {} : { shareID: shareId() }),
    ...(consumed === undefined || consumed.size === 0
      ? {}
      : { consumedCapacity: Object.fromEntries([...consumed].map(([name, one]) => [name, formatQuantity(one)])) }),
  };
}

/** First of the classes, each once, then of the claim. */
function configurations({ claim, options }: ClaimChoice): readonly DeviceAllocationConfiguration[] {
  const ofClasses = Map.groupBy(options, ({ deviceClass }) => deviceClass);
  const fromClasses = [...ofClasses].flatMap(([{ spec }, users]) =>
    (spec?.config ?? []).map((one) => ({
      source: 'FromClass',
      requests: users.map(({ option }) => option.fullName),
      ...one,
    })),
  );
  const fromClaim = (claim.spec.devices?.config ?? []).flatMap(({ requests = [], ...one }) => {
    const concerned = options.filter(
      ({ option }) => requests.includes(option.parent ?? option.name) || requests.includes(option.fullName),
    );
    if (requests.length === 0) return [{ source: 'FromClaim', ...one }];
    return concerned.map(() => ({ source: 'FromClaim', requests, ...one }));
  });
  return [...fromClasses, ...fromClaim];
}

const isSameRequirement = (one: NodeSelectorRequirement, other: NodeSelectorRequirement): boolean =>
  one.key === other.key &&
  one.operator === other.operator &&
  new Set(one.values).symmetricDifference(new Set(other.values)).size === 0;

/** Undefined: the devices can be used everywhere. */
function nodesOf(devices: readonly ChosenDevice[], node: string, claim: string): NodeSelector | undefined {
  const matchFields: NodeSelectorRequirement[] = [];
  const matchExpressions: NodeSelectorRequirement[] = [];
  const addTo = (all: NodeSelectorRequirement[], more: readonly NodeSelectorRequirement[] = []): void => {
    for (const one of more) if (!all.some((known) => isSameRequirement(known, one))) all.push(one);
  };
  for (const { slice, device } of devices) {
    const { nodeName, nodeSelector } = slice.spec.perDeviceNodeSelection === true ? device : slice.spec;
    if (nodeName !== undefined || device.bindsToNode === true)
      return {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
      };
    const { nodeSelectorTerms: terms = [] } = nodeSelector ?? {};
    if (terms.length > 1)
      throw new AllocationError(
        `create NodeSelector for claim ${claim}: unsupported ResourceSlice.NodeSelector with ${terms.length} terms`,
      );
    addTo(matchFields, terms[0]?.matchFields);
    addTo(matchExpressions, terms[0]?.matchExpressions);
  }
  if (matchFields.length + matchExpressions.length === 0) return undefined;
  return {
    nodeSelectorTerms: [
      {
        ...(matchFields.length === 0 ? {} : { matchFields }),
        ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
      },
    ],
  };
}
