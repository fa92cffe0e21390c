// Where a webhook is: by URL or by Service. Rules and texts of upstream's apiserver/pkg/util/webhook; admission webhooks and
// definitions of custom resources share them.
import { invalid, required, type FieldError } from '../field-error.ts';
import type { ServiceReference, WebhookClientConfig } from '../generated/types.ts';
import { dns1123Subdomain } from '../meta/names.ts';

export function validateClientConfig({ url, service }: WebhookClientConfig, path: string): FieldError[] {
  if ((url === undefined) === (service === undefined))
    return [required(path, 'exactly one of url or service is required')];
  return url === undefined ? validateService(service!, `${path}.service`) : validateUrl(url, `${path}.url`);
}

const form = '; desired format: https://host[/path]';

/** As Go splits a URL: what is no URL at all is rare. */
function validateUrl(url: string, path: string): FieldError[] {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(url))
    return [
      required(
        path,
        `url must be a valid URL: parse ${JSON.stringify(url)}: net/url: invalid control character in URL${form}`,
      ),
    ];
  const {
    scheme = '',
    authority = '',
    query = '',
    fragment = '',
  } = /^(?:(?<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?<authority>[^/?#]*))?[^?#]*(?:\?(?<query>[^#]*))?(?:#(?<fragment>.*))?$/s.exec(
    url,
  )?.groups ?? {};
  if (scheme === '' && /^[^/?#]*:/.test(url))
    return [
      required(
        path,
        `url must be a valid URL: parse ${JSON.stringify(url)}: ${url.startsWith(':') ? 'missing protocol scheme' : 'first path segment in URL cannot contain colon'}${form}`,
      ),
    ];
  const at = authority.lastIndexOf('@');
  const [user, host] = at < 0 ? [undefined, authority] : [authority.slice(0, at), authority.slice(at + 1)];
  return [
    ...(scheme.toLowerCase() === 'https'
      ? []
      : [invalid(path, scheme.toLowerCase(), `'https' is the only allowed URL scheme${form}`)]),
    ...(host === '' ? [invalid(path, host, `host must be specified${form}`)] : []),
    ...(user === undefined ? [] : [invalid(path, user, 'user information is not permitted in the URL')]),
    ...(fragment === '' ? [] : [invalid(path, fragment, 'fragments are not permitted in the URL')]),
    ...(query === '' ? [] : [invalid(path, query, 'query parameters are not permitted in the URL')]),
  ];
}

function validateService(
  { name = '', namespace = '', path: urlPath, port = 443 }: Partial<ServiceReference>,
  path: string,
) {
  const errors: FieldError[] = [];
  // Upstream takes each for the other.
  if (namespace === '') errors.push(required(`${path}.name`));
  if (name === '') errors.push(required(`${path}.namespace`));
  if (port < 1 || port > 65_535)
    errors.push(invalid(`${path}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'));
  if (urlPath === undefined || urlPath === '' || urlPath === '/') return errors;
  const wrong = (text: string): void => void errors.push(invalid(`${path}.path`, urlPath, text));
  if (urlPath === '//') wrong('segment[0] may not be empty');
  else {
    if (!urlPath.startsWith('/')) wrong("must start with a '/'");
    for (const [index, step] of urlPath.slice(1).replace(/\/$/, '').split('/').entries()) {
      if (step === '') wrong(`segment[${index}] may not be empty`);
      else for (const text of dns1123Subdomain(step)) wrong(`segment[${index}]: ${text}`);
    }
  }
  return errors;
}
