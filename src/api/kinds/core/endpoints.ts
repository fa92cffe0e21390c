// Endpoints: the old list of addresses behind a Service.
import { required, type FieldError } from '../../field-error.ts';
import type { EndpointAddress, EndpointPort, Endpoints } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsDnsSubdomain, portNumber } from '../../meta/names.ts';
import { endpointIpErrors, ipErrors } from '../../validation/addresses.ts';
import { protocols } from '../../validation/containers.ts';
import {
  isAbsent,
  labelErrors,
  qualifiedErrors,
  requiredOneOf,
  semanticEqual,
  texts,
} from '../../validation/fields.ts';

const addressErrors = (path: string, address: EndpointAddress): FieldError[] => [
  ...ipErrors(`${path}.ip`, address.ip),
  ...(isAbsent(address.hostname) ? [] : labelErrors(`${path}.hostname`, address.hostname)),
  ...(address.nodeName === undefined
    ? []
    : texts(`${path}.nodeName`, address.nodeName, nameIsDnsSubdomain(address.nodeName, false))),
  ...endpointIpErrors(`${path}.ip`, address.ip),
];

const portErrors = (path: string, port: EndpointPort, nameNeeded: boolean): FieldError[] => [
  ...(isAbsent(port.name) ? (nameNeeded ? [required(`${path}.name`)] : []) : labelErrors(`${path}.name`, port.name)),
  ...texts(`${path}.port`, port.port ?? 0, portNumber(port.port ?? 0)),
  ...requiredOneOf(`${path}.protocol`, port.protocol, protocols),
  ...(port.appProtocol === undefined ? [] : qualifiedErrors(`${path}.appProtocol`, port.appProtocol)),
];

const validate = (object: Endpoints): FieldError[] =>
  (object.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }, index) => {
    const at = `subsets[${index}]`;
    return [
      ...(addresses.length + notReadyAddresses.length === 0
        ? [required(at, 'must specify `addresses` or `notReadyAddresses`')]
        : []),
      ...addresses.flatMap((one, position) => addressErrors(`${at}.addresses[${position}]`, one)),
      ...notReadyAddresses.flatMap((one, position) => addressErrors(`${at}.notReadyAddresses[${position}]`, one)),
      ...ports.flatMap((one, position) => portErrors(`${at}.ports[${position}]`, one, ports.length > 1)),
    ];
  });

export const endpoints: KindBehaviour<Endpoints> = {
  metadataInUpdate: ['update', 'whole'],
  validate,
  validateUpdate: (object, previous) => (semanticEqual(object.subsets, previous.subsets) ? [] : validate(object)),
};
