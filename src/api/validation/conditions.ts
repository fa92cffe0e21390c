// metav1.Condition in status, as k8s.io/apimachinery apis/meta/v1/validation.
import { duplicate, invalid, notSupported, required, tooLong, type FieldError } from '../field-error.ts';
import { byteLength, patternText } from '../meta/names.ts';
import { isAbsent, qualifiedErrors } from './fields.ts';

const reasonBytesMax = 1024;
const messageBytesMax = 32 * 1024;
const reasonForm = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const reasonPattern = new RegExp(`^${reasonForm}$`);

interface Condition {
  readonly type?: string | undefined;
  readonly status?: string | undefined;
  readonly observedGeneration?: number | undefined;
  readonly lastTransitionTime?: string | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

function reasonErrors(path: string, reason: string | undefined): FieldError[] {
  if (isAbsent(reason)) return [required(path)];
  const errors: FieldError[] = [];
  if (!reasonPattern.test(reason))
    errors.push(
      invalid(
        path,
        reason,
        patternText(
          "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
          reasonForm,
          'my_name',
          'MY_NAME',
          'MyName',
          'ReasonA,ReasonB',
          'ReasonA:ReasonB',
        ),
      ),
    );
  return byteLength(reason) > reasonBytesMax ? [...errors, tooLong(path, reasonBytesMax)] : errors;
}

export function conditionErrors(path: string, conditions: readonly Condition[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((one, index) => {
    const at = `${path}[${index}]`;
    const type = one.type ?? '';
    const again = seen.has(type);
    seen.add(type);
    return [
      ...(again ? [duplicate(`${at}.type`, type)] : []),
      ...qualifiedErrors(`${at}.type`, type),
      ...(['True', 'False', 'Unknown'].includes(one.status ?? '')
        ? []
        : [notSupported(`${at}.status`, one.status ?? '', ['False', 'True', 'Unknown'])]),
      ...((one.observedGeneration ?? 0) < 0
        ? [invalid(`${at}.observedGeneration`, one.observedGeneration, 'must be greater than or equal to zero')]
        : []),
      ...(isAbsent(one.lastTransitionTime) ? [required(`${at}.lastTransitionTime`)] : []),
      ...reasonErrors(`${at}.reason`, one.reason),
      ...(byteLength(one.message ?? '') > messageBytesMax ? [tooLong(`${at}.message`, messageBytesMax)] : []),
    ];
  });
}
