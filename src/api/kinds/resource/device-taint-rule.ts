// DeviceTaintRule: a taint on devices that a selector chooses.
import { tooMany, type FieldError } from '../../field-error.ts';
import type { DeviceTaintRule, DeviceTaintSelector } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { formatTime } from '../../meta/time.ts';
import { driverNameErrors } from '../../validation/class-parameters.ts';
import { conditionErrors } from '../../validation/conditions.ts';
import { poolNameErrors, taintErrors } from '../../validation/devices.ts';
import { labelErrors } from '../../validation/fields.ts';

const conditionsMax = 8;

const selectorErrors = (path: string, { driver, pool, device }: DeviceTaintSelector): FieldError[] => [
  ...(driver === undefined ? [] : driverNameErrors(`${path}.driver`, driver)),
  ...(pool === undefined ? [] : poolNameErrors(`${path}.pool`, pool)),
  ...(device === undefined ? [] : labelErrors(`${path}.device`, device)),
];

const validate = ({ spec }: DeviceTaintRule, previous?: DeviceTaintRule): FieldError[] => [
  ...selectorErrors('spec.deviceSelector', spec?.deviceSelector ?? {}),
  ...taintErrors('spec.taint', spec?.taint ?? {}, previous?.spec?.taint),
];

export const deviceTaintRule: KindBehaviour<DeviceTaintRule> = {
  prepareForUpdate(object, previous, { subresource, now }) {
    if (subresource !== '') return;
    const [taint, before] = [object.spec?.taint, previous.spec?.taint];
    // Since when this effect is there, unless the client says.
    if (taint !== undefined && taint.effect !== before?.effect && taint.timeAdded === before?.timeAdded)
      taint.timeAdded = formatTime(now);
  },
  validate: (object) => validate(object),
  validateUpdate(object, previous, subresource) {
    if (subresource !== 'status') return validate(object, previous);
    const conditions = object.status?.conditions ?? [];
    return [
      ...conditionErrors('status.conditions', conditions),
      ...(conditions.length > conditionsMax ? [tooMany('status.conditions', conditions.length, conditionsMax)] : []),
    ];
  },
};
