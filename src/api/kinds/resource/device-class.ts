// DeviceClass: which devices it has, and how drivers prepare them.
import { invalid, type FieldError } from '../../field-error.ts';
import type { DeviceClass, DeviceClassSpec } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { loadCel } from '../../cel/cel.ts';
import { itemErrors, opaqueErrors } from '../../validation/devices.ts';
import { selectorErrors } from '../../validation/device-selector.ts';
import { semanticEqual } from '../../validation/fields.ts';
import { isExtendedResource } from '../../validation/resources.ts';

const configMax = 32;

function specErrors(spec: DeviceClassSpec, previous?: DeviceClassSpec): FieldError[] {
  const same = (field: 'selectors' | 'config') => previous !== undefined && semanticEqual(spec[field], previous[field]);
  const name = spec.extendedResourceName;
  return [
    ...selectorErrors('spec.selectors', spec.selectors, same('selectors')),
    ...itemErrors('spec.config', spec.config, configMax, (path, { opaque }) =>
      opaqueErrors(path, opaque, same('config')),
    ),
    ...(name === undefined || isExtendedResource(name)
      ? []
      : [invalid('spec.extendedResourceName', name, 'must be a valid extended resource name')]),
  ];
}

export const deviceClass: KindBehaviour<DeviceClass> = {
  load: () => loadCel(),
  validate: (object) => specErrors(object.spec ?? {}),
  validateUpdate: (object, previous) => specErrors(object.spec ?? {}, previous.spec ?? {}),
};
