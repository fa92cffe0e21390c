// Times with tags (RFC 8949 section 3.4.1 and 3.4.2) as the texts that they become where no type says what is wanted.
import { normalizeTime } from '../schema/time.ts';

const layoutOfSeconds = 19;

function ofText(text: string): string | { readonly error: string } {
  const time = normalizeTime(text);
  if (typeof time === 'object' && time !== null)
    return { error: `cbor: cannot set ${text} for time.Time: ${time.error}` };
  const fraction = /^[.,](\d*?)0*(?=\D|$)/.exec(text.slice(layoutOfSeconds));
  if (fraction === null) return text;
  const rest = text.slice(layoutOfSeconds + fraction[0].length);
  return `${text.slice(0, layoutOfSeconds)}${fraction[1] === '' ? '' : `.${fraction[1]!.slice(0, 9)}`}${rest}`;
}

/** Of tag 0 a text, of tag 1 seconds since 1970. */
export function timeOfTag(value: string | number): string | { readonly error: string } {
  if (typeof value === 'string') return ofText(value);
  const seconds = Math.trunc(value);
  const nanoseconds = Math.trunc((value - seconds) * 1e9);
  const whole = nanoseconds < 0 ? seconds - 1 : seconds;
  const date = new Date(whole * 1000);
  const year = date.getUTCFullYear();
  if (Number.isNaN(year) || year < 0 || year > 9_999)
    return {
      error:
        'cbor: decoded time cannot be represented in RFC3339 format with sub-second precision: Time.MarshalText: year outside of range [0,9999]',
    };
  const digits = String(nanoseconds < 0 ? nanoseconds + 1e9 : nanoseconds)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${date.toISOString().slice(0, layoutOfSeconds)}${digits === '' ? '' : `.${digits}`}Z`;
}
