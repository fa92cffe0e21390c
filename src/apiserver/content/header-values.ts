// The values of a header that may be sent several times, each as it was sent: a comma within one is part of it.
import type { ApiRequest } from '#api/request.ts';

/** `name` in lower case. */
export function headerValues({ rawHeaders, headers }: ApiRequest, name: string): readonly string[] {
  const joined = headers[name];
  if (joined === undefined) return [];
  if (rawHeaders === undefined) return [joined];
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    if (rawHeaders[at]!.toLowerCase() === name) values.push(rawHeaders[at + 1]!);
  return values;
}
