// LimitRanges: default requests and limits for containers, and bounds on containers, pods and claims. Texts of upstream's
// plugin/pkg/admission/limitranger.
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
  ResourceRequirements,
} from '#api/generated/types.ts';
import { ownValue } from '#base/own-value.ts';
import { LimitRanges } from '#api/generated/kind-references.ts';
import type { Mutable } from '#api/kind.ts';
import { storagePrefix } from '#api/kinds.ts';
import { addQuantities, compareQuantities, formatQuantity, quantityToNumber } from '#api/quantity.ts';
import { forbiddenError } from '#api/status.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isResource, only } from './operations.ts';
import { refusedName } from './refused-name.ts';

const annotation = 'kubernetes.io/limit-ranger';
type Amounts = Readonly<Record<string, string>>;
/** Decoding made texts of all quantities. */
const amounts = (list: ResourceRequirements['limits']): Amounts => (list ?? {}) as Amounts;

const itemsOf = (attributes: AdmissionAttributes, server: Server): LimitRangeItem[] =>
  server.options.store
    .list(storagePrefix(LimitRanges, attributes.namespace))
    .items.flatMap((stored) => (stored.object() as LimitRange).spec?.limits ?? []);

function addDefaults(container: Mutable<Container>, items: readonly LimitRangeItem[]): string | undefined {
  const resources = (container.resources ??= {});
  const set = (part: 'limits' | 'requests', wanted: ResourceRequirements['limits']): string[] => {
    const added = Object.entries(wanted ?? {}).filter(([name]) => ownValue(resources[part], name) === undefined);
    if (added.length > 0) resources[part] = { ...resources[part], ...Object.fromEntries(added) };
    return added.map(([name]) => name).toSorted();
  };
  const limits: string[] = [];
  const requests: string[] = [];
  for (const item of items) {
    if (item.type !== 'Container') continue;
    limits.push(...set('limits', item.default));
    requests.push(...set('requests', item.defaultRequest));
  }
  const texts = [
    ...(requests.length > 0 ? [`${requests.join(', ')} request for container ${container.name}`] : []),
    ...(limits.length > 0 ? [`${limits.join(', ')} limit for container ${container.name}`] : []),
  ];
  return texts.length === 0 ? undefined : texts.join('; ');
}

/** A Pod's resources come with it, or with a resize: of one that does not end already. */
const givesResources = (attributes: AdmissionAttributes): boolean =>
  isResource(attributes, '', 'pods') &&
  (attributes.subresource === ''
    ? attributes.operation === 'CREATE'
    : attributes.subresource === 'resize' && attributes.old?.metadata.deletionTimestamp === undefined);

function mutate(attributes: AdmissionAttributes, server: Server): void {
  if (!givesResources(attributes)) return;
  const pod = attributes.object as Mutable<Pod>;
  const items = itemsOf(attributes, server);
  if (items.length === 0) return;
  const texts = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(
    (container) => addDefaults(container, items) ?? [],
  );
  if (texts.length > 0)
    pod.metadata.annotations = {
      ...pod.metadata.annotations,
      [annotation]: `LimitRanger plugin set: ${texts.join('; ')}`,
    };
}

function boundErrors(item: LimitRangeItem, requests: Amounts, limits: Amounts): string[] {
  const errors: string[] = [];
  const type = item.type;
  // One complaint a bound, the first that applies.
  for (const [name, least] of Object.entries(amounts(item.min))) {
    const [request, limit] = [ownValue(requests, name), ownValue(limits, name)];
    const text = `minimum ${name} usage per ${type} is ${least}`;
    if (request === undefined) errors.push(`${text}.  No request is specified`);
    else if (compareQuantities(request, least) < 0) errors.push(`${text}, but request is ${request}`);
    else if (limit !== undefined && compareQuantities(limit, least) < 0) errors.push(`${text}, but limit is ${limit}`);
  }
  const isClaim = type === 'PersistentVolumeClaim';
  for (const [name, most] of Object.entries(amounts(item.max))) {
    const [request, limit] = [ownValue(requests, name), ownValue(limits, name)];
    const text = `maximum ${name} usage per ${type} is ${most}`;
    if (isClaim ? request === undefined : limit === undefined)
      errors.push(`${text}.  No ${isClaim ? 'request' : 'limit'} is specified`);
    else if (!isClaim && compareQuantities(limit!, most) > 0) errors.push(`${text}, but limit is ${limit}`);
    else if (request !== undefined && compareQuantities(request, most) > 0)
      errors.push(`${text}, but request is ${request}`);
  }
  for (const [name, ratio] of Object.entries(amounts(item.maxLimitRequestRatio))) {
    const [request, limit] = [ownValue(requests, name), ownValue(limits, name)];
    const missing =
      request === undefined || quantityToNumber(request) === 0 ? 'request' : limit === undefined ? 'limit' : undefined;
    if (missing !== undefined)
      errors.push(
        `${name} max limit to request ratio per ${type} is ${ratio}, but no ${missing} is specified or ${missing} is 0`,
      );
    else if (quantityToNumber(limit!) / quantityToNumber(request!) > quantityToNumber(ratio))
      errors.push(
        `${name} max limit to request ratio per ${type} is ${ratio}, but provided ratio is ${(quantityToNumber(limit!) / quantityToNumber(request!)).toFixed(6)}`,
      );
  }
  return errors;
}

const sum = (lists: readonly Amounts[]): Amounts => {
  const total = new Map<string, string>();
  for (const list of lists)
    for (const [name, amount] of Object.entries(list)) {
      const before = total.get(name);
      total.set(name, before === undefined ? amount : formatQuantity(addQuantities(before, amount)));
    }
  return Object.fromEntries(total);
};

function validate(attributes: AdmissionAttributes, server: Server): void {
  if (attributes.operation === 'DELETE' || attributes.object === undefined) return;
  const isPod = givesResources(attributes);
  const isClaim = isResource(attributes, '', 'persistentvolumeclaims') && attributes.subresource === '';
  if (!isPod && !isClaim) return;
  const items = itemsOf(attributes, server);
  const errors: string[] = [];
  for (const item of items) {
    if (isClaim && item.type === 'PersistentVolumeClaim') {
      const claim = attributes.object as unknown as PersistentVolumeClaim;
      errors.push(
        ...boundErrors(item, amounts(claim.spec?.resources?.requests), amounts(claim.spec?.resources?.limits)),
      );
    }
    if (!isPod) continue;
    const { spec } = attributes.object as unknown as Pod;
    if (item.type === 'Container')
      for (const container of [...spec.containers, ...(spec.initContainers ?? [])])
        errors.push(...boundErrors(item, amounts(container.resources?.requests), amounts(container.resources?.limits)));
    if (item.type === 'Pod')
      errors.push(
        ...boundErrors(
          item,
          sum(spec.containers.map((one) => amounts(one.resources?.requests))),
          sum(spec.containers.map((one) => amounts(one.resources?.limits))),
        ),
      );
  }
  if (errors.length === 0) return;
  const text = errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`;
  throw forbiddenError({ group: '', resource: attributes.row.resource }, refusedName('', attributes.object), text);
}

export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  concerns: only('pods', 'persistentvolumeclaims'),
  mutate,
  validate,
};
