// Cluster IPs and node ports. What is taken is what Services in the store say, kept in two tables that follow the store; a
// number chosen for a write under way is held until that write is done, so two writers never get the same.
import { fraction } from '#base/random.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { storagePrefix } from '#api/kinds.ts';
import { IPAddresses, ServiceCIDRs, Services } from '#api/generated/kind-references.ts';
import type { IPAddress, Service, ServiceCIDR } from '#api/generated/types.ts';
import { invalid } from '#api/field-error.ts';
import type { FieldError } from '#api/field-error.ts';
import { internalError, invalidError } from '#api/status.ts';
import type { Store } from '#storage/store.ts';
import { completeAddressFields } from './address-families.ts';
import type { Server } from '../../context.ts';
import { createStoreIndex } from '../store-index.ts';
import type { StoreIndex } from '../store-index.ts';
import { contains, familyOf, formatAddress, isUsable, parseAddress, parseRange } from '#rules/addresses.ts';
import type { Range } from '#rules/addresses.ts';

interface Allocator {
  readonly configured: readonly Range[];
  readonly ranges: StoreIndex<ServiceCIDR>;
  /** By address. */
  readonly reserved: StoreIndex<IPAddress>;
  readonly taken: StoreIndex<Service>;
  readonly held: Set<string>;
}

const allocators = new WeakMap<Store, Allocator>();

const portKey = (port: number, protocol: string): string => `port:${port}/${protocol}`;
/** One address has several texts in IPv6. */
const addressKey = (text: string): string => {
  const address = text.includes(':') ? parseAddress(text) : undefined;
  return `ip:${address === undefined ? text : formatAddress(address, 'IPv6')}`;
};

const isAddress = (value: string | undefined): value is string =>
  value !== undefined && value !== '' && value !== 'None';

const usedBy = (service: Service): string[] => {
  const { spec } = service;
  if (spec === undefined || spec.type === 'ExternalName') return [];
  return [
    ...(spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])).filter(isAddress).map(addressKey),
    ...(spec.ports ?? []).flatMap((port) =>
      (port.nodePort ?? 0) > 0 ? [portKey(port.nodePort!, port.protocol ?? 'TCP')] : [],
    ),
    ...((spec.healthCheckNodePort ?? 0) > 0 ? [portKey(spec.healthCheckNodePort!, 'TCP')] : []),
  ];
};

/** Without a condition it counts: whoever says so may not be there. */
const isInUse = ({ metadata, status }: ServiceCIDR): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some((one) => one.type === 'Ready' && one.status !== 'True') !== true;
/** What Services have is known from the Services themselves. */
const isOfService = ({ spec }: IPAddress): boolean =>
  spec?.parentRef?.resource === 'services' && (spec.parentRef.group ?? '') === '';

/** The configured ranges first; those of ServiceCIDRs by size, large ones first, as where the room is. */
function rangesOf({ configured, ranges }: Allocator): readonly Range[] {
  const known = new Set(configured.map((one) => one.text));
  const added: Range[] = [];
  for (const { spec } of ranges.find('all'))
    for (const text of spec?.cidrs ?? [])
      if (!known.has(text)) {
        known.add(text);
        added.push(parseRange(text));
      }
  return added.length === 0
    ? configured
    : [...configured, ...added.toSorted((a, b) => (a.size === b.size ? 0 : a.size > b.size ? -1 : 1))];
}

function allocatorOf(server: Server): Allocator {
  const { store, serviceCidrs } = server.options;
  let allocator = allocators.get(store);
  if (allocator === undefined) {
    allocator = {
      configured: serviceCidrs.map(parseRange),
      ranges: createStoreIndex<ServiceCIDR>(store, storagePrefix(ServiceCIDRs), (one) => (isInUse(one) ? ['all'] : [])),
      reserved: createStoreIndex<IPAddress>(store, storagePrefix(IPAddresses), (one) =>
        isOfService(one) ? [] : [addressKey(one.metadata.name ?? '')],
      ),
      taken: createStoreIndex<Service>(store, storagePrefix(Services), usedBy),
      held: new Set(),
    };
    allocators.set(store, allocator);
  }
  return allocator;
}

const hasNodePorts = (spec: Service['spec'] | undefined): boolean =>
  spec?.type === 'NodePort' || (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
const hasClusterAddress = (spec: Service['spec'] | undefined): boolean =>
  spec !== undefined && spec.type !== 'ExternalName';
const needsHealthCheckPort = (spec: Service['spec'] | undefined): boolean =>
  spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

const attemptsMax = 64;

export class Allocation implements Disposable {
  readonly #allocator: Allocator;
  readonly #server: Server;
  readonly #own: ReadonlySet<string>;
  readonly #mine = new Set<string>();
  readonly errors: FieldError[] = [];
  #ranges: readonly Range[] | undefined;

  constructor(server: Server, previous: Service | undefined) {
    this.#server = server;
    this.#allocator = allocatorOf(server);
    this.#own = new Set(previous === undefined ? [] : usedBy(previous));
  }
  get ranges(): readonly Range[] {
    return (this.#ranges ??= rangesOf(this.#allocator));
  }
  /** What was chosen for this write. */
  get keys(): ReadonlySet<string> {
    return this.#mine;
  }
  /** Somebody's Service or IPAddress with one of them has come meanwhile. */
  isTakenByOthers(): boolean {
    for (const key of this.#mine) if (this.#isStored(key)) return true;
    return false;
  }
  isOwn(key: string): boolean {
    return this.#own.has(key);
  }
  #isTaken(key: string): boolean {
    return this.#allocator.held.has(key) || this.#isStored(key);
  }
  #isStored(key: string): boolean {
    for (const _ of this.#allocator.taken.find(key)) return true;
    for (const _ of this.#allocator.reserved.find(key)) return true;
    return false;
  }
  /** False: somebody has it. */
  take(key: string): boolean {
    if (this.#own.has(key) || this.#mine.has(key)) return true;
    if (this.#isTaken(key)) return false;
    this.#allocator.held.add(key);
    this.#mine.add(key);
    return true;
  }
  /** A free one of `count` candidates: random first (upstream takes from the upper part, leaving the lower for requests), then in turn. */
  choose(count: number, keyOf: (index: number) => string | undefined): number | undefined {
    const reserved = Math.min(Math.max(16, Math.floor(count / 16)), 256);
    const lowest = count > reserved * 2 ? reserved : 0;
    const tryAt = (index: number): boolean => {
      const key = keyOf(index);
      return key !== undefined && !this.#mine.has(key) && !this.#own.has(key) && this.take(key);
    };
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const index = lowest + Math.floor(fraction(this.#server.options.random) * (count - lowest));
      if (tryAt(index)) return index;
    }
    for (let offset = 0; offset < count; offset++) {
      const index = (lowest + offset) % count;
      if (tryAt(index)) return index;
    }
    return undefined;
  }
  [Symbol.dispose](): void {
    for (const key of this.#mine) this.#allocator.held.delete(key);
  }
}

type Spec = NonNullable<Mutable<Service>['spec']>;

function allocateAddresses(allocation: Allocation, spec: Spec, previous: Service | undefined): void {
  const configured = new Set(allocation.ranges.map((one) => one.family));
  allocation.errors.push(...completeAddressFields(spec, previous?.spec, [...configured]));
  if (allocation.errors.length > 0 || !hasClusterAddress(spec) || spec.clusterIP === 'None') return;
  const wanted = spec.clusterIPs ?? [];
  const old = hasClusterAddress(previous?.spec) ? (previous?.spec?.clusterIPs ?? []) : [];
  spec.clusterIPs = (spec.ipFamilies ?? []).map((family, index) => {
    const ranges = allocation.ranges.filter((one) => one.family === family);
    const asked = wanted[index];
    if (asked === undefined || asked === '') return anyAddress(allocation, ranges);
    // One that is there already does not change: validation says so.
    return old[index] !== undefined ? asked : thisAddress(allocation, ranges, asked, index);
  });
  if (spec.clusterIPs.length > 0) spec.clusterIP = spec.clusterIPs[0]!;
}

function thisAddress(allocation: Allocation, ranges: readonly Range[], text: string, index: number): string {
  const path = 'spec.clusterIPs';
  const fail = (cause: string): string => {
    allocation.errors.push(invalid(path, [text], `failed to allocate IP ${text}: ${cause}`));
    return text;
  };
  const address = parseAddress(text);
  if (address === undefined) {
    allocation.errors.push(
      invalid(`${path}[${index}]`, text, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
    );
    return text;
  }
  if (allocation.isOwn(addressKey(text))) return text;
  const family = familyOf(text);
  const range = ranges.find((one) => one.family === family && contains(one, address));
  if (range === undefined) return fail('the provided network does not match the current range');
  if (!ranges.some((one) => one.family === family && isUsable(one, address)))
    return fail(`the provided IP (${text}) is not in the valid range. The range of valid IPs is ${range.text}`);
  return allocation.take(addressKey(text)) ? text : fail('provided IP is already allocated');
}

function anyAddress(allocation: Allocation, ranges: readonly Range[]): string {
  for (const range of ranges) {
    const count = range.size > 65_536n ? 65_536 : Number(range.size);
    const at = (index: number): bigint => range.first + BigInt(index);
    const index = allocation.choose(count, (candidate) =>
      isUsable(range, at(candidate)) ? addressKey(formatAddress(at(candidate), range.family)) : undefined,
    );
    if (index !== undefined) return formatAddress(at(index), range.family);
  }
  throw internalError('failed to allocate a serviceIP: range is full');
}

function allocatePorts(allocation: Allocation, server: Server, spec: Spec, previous: Service | undefined): void {
  const { from, to } = server.options.nodePortRange;
  const anyPort = (protocol: string): number => {
    const index = allocation.choose(to - from + 1, (candidate) => portKey(from + candidate, protocol));
    if (index === undefined) throw internalError('failed to allocate a nodePort: range is full');
    return from + index;
  };
  const ports = spec.ports ?? [];
  if (!hasNodePorts(spec)) {
    // Ports of a type that no longer has them are given back when they are the old ones.
    if (hasNodePorts(previous?.spec))
      for (const port of ports)
        if (previous?.spec?.ports?.some((one) => one.nodePort === port.nodePort)) delete port.nodePort;
  } else {
    const asks = new Set<string>();
    for (const [index, port] of ports.entries()) {
      const protocol = port.protocol ?? 'TCP';
      if ((port.nodePort ?? 0) === 0) {
        const before = previous?.spec?.ports?.find(
          (one) => one.port === port.port && (one.protocol ?? 'TCP') === protocol && (one.nodePort ?? 0) > 0,
        );
        // One port of two protocols shares the number.
        const sibling = ports.find(
          (one) =>
            one !== port && one.port === port.port && (one.nodePort ?? 0) > 0 && (one.protocol ?? 'TCP') !== protocol,
        );
        if (before !== undefined) port.nodePort = before.nodePort!;
        else if (sibling !== undefined && allocation.take(portKey(sibling.nodePort!, protocol)))
          port.nodePort = sibling.nodePort!;
        else port.nodePort = anyPort(protocol);
      } else {
        const asked = port.nodePort!;
        const key = portKey(asked, protocol);
        if (!allocation.isOwn(key)) {
          if (asked < from || asked > to)
            allocation.errors.push(
              invalid(
                `spec.ports[${index}].nodePort`,
                asked,
                `provided port is not in the valid range. The range of valid ports is ${from}-${to}`,
              ),
            );
          else if (asks.has(key) || !allocation.take(key))
            allocation.errors.push(
              invalid(`spec.ports[${index}].nodePort`, asked, 'provided port is already allocated'),
            );
        }
        asks.add(key);
      }
    }
  }
  if (needsHealthCheckPort(spec)) {
    const asked = spec.healthCheckNodePort ?? 0;
    if (asked === 0)
      spec.healthCheckNodePort =
        needsHealthCheckPort(previous?.spec) && (previous?.spec?.healthCheckNodePort ?? 0) > 0
          ? previous!.spec!.healthCheckNodePort!
          : anyPort('TCP');
    else if (!allocation.take(portKey(asked, 'TCP')))
      throw internalError(
        `failed to allocate requested HealthCheck NodePort ${asked}: provided port is already allocated`,
      );
  } else if (needsHealthCheckPort(previous?.spec) && spec.healthCheckNodePort === previous?.spec?.healthCheckNodePort)
    delete spec.healthCheckNodePort;
}

/** Completes the spec of a Service on its way to the store. Throws an ApiError (422) for what cannot be had. */
export function allocateService(
  server: Server,
  object: Mutable<KubernetesObject>,
  previous: KubernetesObject | undefined,
): Allocation {
  const service = object as Mutable<Service>;
  const allocation = new Allocation(server, previous as Service | undefined);
  const { spec } = service;
  if (spec === undefined) return allocation;
  try {
    allocateAddresses(allocation, spec, previous as Service | undefined);
    allocatePorts(allocation, server, spec, previous as Service | undefined);
    if (allocation.errors.length > 0)
      throw invalidError({ group: '', kind: 'Service' }, service.metadata.name ?? '', allocation.errors);
  } catch (error) {
    allocation[Symbol.dispose]();
    throw error;
  }
  return allocation;
}
