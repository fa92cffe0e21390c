// NetworkPolicy.
import { forbidden, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { portName, portNumber } from '../../meta/names.ts';
import { cidrBlockOf, cidrErrors, cidrWarnings } from '../../validation/addresses.ts';
import { texts } from '../../validation/fields.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];

function portErrors(path: string, { protocol, port, endPort }: NetworkPolicyPort): FieldError[] {
  const errors: FieldError[] = [];
  if (protocol !== undefined && !protocols.includes(protocol))
    errors.push(notSupported(`${path}.protocol`, protocol, protocols));
  const wrongEnd = (detail: string) => errors.push(invalid(`${path}.endPort`, endPort, detail));
  if (port === undefined) {
    if (endPort !== undefined) wrongEnd('may not be specified when `port` is not specified');
  } else if (typeof port === 'number') {
    errors.push(...texts(`${path}.port`, port, portNumber(port)));
    if (endPort === undefined) return errors;
    // Upstream shows the port here, not the end.
    if (endPort < port) errors.push(invalid(`${path}.endPort`, port, 'must be greater than or equal to `port`'));
    errors.push(...texts(`${path}.endPort`, endPort, portNumber(endPort)));
  } else {
    if (endPort !== undefined) wrongEnd('may not be specified when `port` is non-numeric');
    errors.push(...texts(`${path}.port`, port, portName(port)));
  }
  return errors;
}

function blockErrors(path: string, block: IPBlock, accepted: readonly string[]): FieldError[] {
  if ((block.cidr ?? '') === '') return [required(`${path}.cidr`)];
  const errors = cidrErrors(`${path}.cidr`, block.cidr, accepted);
  const whole = cidrBlockOf(block.cidr);
  if (whole === undefined) return errors;
  for (const [index, text] of (block.except ?? []).entries()) {
    const at = `${path}.except[${index}]`;
    errors.push(...cidrErrors(at, text, accepted));
    const part = cidrBlockOf(text);
    if (part === undefined) continue;
    const inside =
      whole.bits === part.bits &&
      part.prefix > whole.prefix &&
      part.address >> whole.hostBits === whole.address >> whole.hostBits;
    if (!inside) errors.push(invalid(at, text, 'must be a strict subset of `cidr`'));
  }
  return errors;
}

function peerErrors(path: string, peer: NetworkPolicyPeer, accepted: readonly string[]): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const errors = [
    ...validateLabelSelector(podSelector, `${path}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
    ...(ipBlock === undefined ? [] : blockErrors(`${path}.ipBlock`, ipBlock, accepted)),
  ];
  const others = podSelector !== undefined || namespaceSelector !== undefined;
  if (!others && ipBlock === undefined) errors.push(required(path, 'must specify a peer'));
  else if (others && ipBlock !== undefined)
    errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  return errors;
}

function specErrors(spec: NetworkPolicySpec, accepted: readonly string[]): FieldError[] {
  const errors = validateLabelSelector(spec.podSelector, 'spec.podSelector');
  for (const [rules, direction, side] of [
    [spec.ingress ?? [], 'ingress', 'from'],
    [spec.egress ?? [], 'egress', 'to'],
  ] as const)
    for (const [index, rule] of rules.entries()) {
      const at = `spec.${direction}[${index}]`;
      const peers = 'from' in rule ? rule.from : 'to' in rule ? rule.to : undefined;
      (rule.ports ?? []).forEach((one, position) => errors.push(...portErrors(`${at}.ports[${position}]`, one)));
      (peers ?? []).forEach((one, position) => errors.push(...peerErrors(`${at}.${side}[${position}]`, one, accepted)));
    }
  const types = spec.policyTypes ?? [];
  if (types.length > 2)
    return [...errors, invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  for (const [index, type] of types.entries())
    if (type !== 'Ingress' && type !== 'Egress')
      errors.push(notSupported(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']));
  return errors;
}

/** Every block with its path. */
const blocksOf = (spec: NetworkPolicySpec): (readonly [path: string, block: IPBlock])[] => [
  ...(spec.ingress ?? []).flatMap(({ from = [] }, index) =>
    from.flatMap(({ ipBlock }, position) =>
      ipBlock === undefined ? [] : [[`spec.ingress[${index}].from[${position}].ipBlock`, ipBlock] as const],
    ),
  ),
  ...(spec.egress ?? []).flatMap(({ to = [] }, index) =>
    to.flatMap(({ ipBlock }, position) =>
      ipBlock === undefined ? [] : [[`spec.egress[${index}].to[${position}].ipBlock`, ipBlock] as const],
    ),
  ),
];

export const networkPolicy: KindBehaviour<NetworkPolicy> = {
  validate: (object) => specErrors(object.spec ?? {}, []),
  // Blocks that are there already stay, however they are written.
  validateUpdate: (object, previous) =>
    specErrors(
      object.spec ?? {},
      blocksOf(previous.spec ?? {}).flatMap(([, { cidr, except = [] }]) => [cidr, ...except]),
    ),
  warnings: (object) =>
    blocksOf(object.spec ?? {}).flatMap(([path, { cidr, except = [] }]) => [
      ...cidrWarnings(`${path}.cidr`, cidr ?? ''),
      ...except.flatMap((one, index) => cidrWarnings(`${path}.except[${index}]`, one)),
    ]),
};
