// What a Route asks to set or remove in the headers of requests and responses, as lines of HAProxy's configuration. Values are
// HAProxy's log formats, of which the API lets in a few fetchers only; what else is in them is quoted.
import type { Route, RouteHTTPHeader } from '#api/generated/types.ts';

const namePattern = /^[-!#$%&'*+.0-9A-Z^_`a-z|~]{1,255}$/;
const valuePattern = (direction: 'req' | 'res') =>
  new RegExp(
    `^(?:%(?:%|(?:\\{[-+]?[QXE](?:,[-+]?[QXE])*\\})?\\[(?:${direction}\\.hdr\\([0-9A-Za-z-]+\\)|ssl_c_der)(?:,(?:lower|base64))*\\])|[^%\\p{Cc}])+$`,
    'u',
  );
const patterns = { req: valuePattern('req'), res: valuePattern('res') } as const;
const valueCharactersMax = 16_384;

const requests = (route: Route) => route.spec.httpHeaders?.actions?.request ?? [];
const responses = (route: Route) => route.spec.httpHeaders?.actions?.response ?? [];

const isRight = (direction: 'req' | 'res', { name, action }: RouteHTTPHeader): boolean => {
  if (!namePattern.test(name)) return false;
  if (action.type === 'Delete') return true;
  const value = action.set?.value ?? '';
  return action.type === 'Set' && value.length <= valueCharactersMax && patterns[direction].test(value);
};

/** Why the headers cannot be changed as asked; undefined: they can. The API checks the same; this is the last line before a file. */
export function headerProblem(route: Route): string | undefined {
  if (requests(route).length + responses(route).length === 0) return undefined;
  if (route.spec.tls?.termination === 'passthrough')
    return 'spec.httpHeaders: Invalid value: passthrough termination does not show headers to the router';
  const wrong =
    requests(route).find((one) => !isRight('req', one)) ?? responses(route).find((one) => !isRight('res', one));
  return wrong === undefined
    ? undefined
    : `spec.httpHeaders.actions: Invalid value: the action for header ${JSON.stringify(wrong.name)}`;
}

/** One word of the configuration, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const line = (directive: string, { name, action }: RouteHTTPHeader): string =>
  action.type === 'Delete'
    ? `  ${directive} del-header ${quoted(name)}`
    : `  ${directive} set-header ${quoted(name)} ${quoted(action.set?.value ?? '')}`;

export const headerLines = (route: Route): readonly string[] => [
  ...requests(route).map((one) => line('http-request', one)),
  ...responses(route).map((one) => line('http-response', one)),
];
