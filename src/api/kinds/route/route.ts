// Route (route.openshift.io/v1). The default host is set by admission; here is what makes a Route right.
import { duplicate, forbidden, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { Route, RouteHTTPHeader, RouteSpec, TLSConfig } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { dns1123Label, dns1123Subdomain, dns1123SubdomainMax, maxLengthText } from '../../meta/names.ts';
import { immutable, isAbsent, texts } from '../../validation/fields.ts';

const headersMax = 20;
const protectedHeaders = ['strict-transport-security', 'proxy', 'cookie', 'set-cookie'];
const valuePattern = (fetcher: 'req' | 'res') =>
  new RegExp(
    `^(?:%(?:%|(?:\\{[-+]?[QXE](?:,[-+]?[QXE])*\\})?\\[(?:${fetcher}\\.hdr\\([0-9A-Za-z-]+\\)|ssl_c_der)(?:,(?:lower|base64))*\\])|[^%\\p{Cc}])+$`,
    'u',
  );
const valueText = (fetcher: 'req' | 'res') =>
  `Either header value provided is not in correct format or the converter specified is not allowed. The dynamic header value  may use HAProxy's %[] syntax and otherwise must be a valid HTTP header value as defined in https://datatracker.ietf.org/doc/html/rfc7230#section-3.2 Sample fetchers allowed are ${fetcher}.hdr, ssl_c_der. Converters allowed are lower, base64.`;

function headerErrors(path: string, headers: readonly RouteHTTPHeader[], fetcher: 'req' | 'res'): FieldError[] {
  const seen = new Set<string>();
  const pattern = valuePattern(fetcher);
  return headers.flatMap(({ name, action }, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldError[] = seen.has(name) ? [duplicate(`${at}.name`, name)] : [];
    seen.add(name);
    if (name === '') errors.push(required(`${at}.name`));
    else if (name.length > 255)
      errors.push(invalid(`${at}.name`, name, 'name exceeds the maximum length, which is 255'));
    else if (protectedHeaders.includes(name.toLowerCase()))
      errors.push(
        forbidden(
          `${at}.name`,
          `the following headers may not be modified using this API: ${protectedHeaders.join(', ')}`,
        ),
      );
    else if (!/^[-!#$%&'*+.0-9A-Z^_`a-z|~]+$/.test(name))
      errors.push(
        invalid(`${at}.name`, name, 'name must be a valid HTTP header name as defined in RFC 2616 section 4.2'),
      );
    const isSet = action.type === 'Set';
    if (!isSet && action.type !== 'Delete')
      errors.push(invalid(`${at}.action.type`, action.type, 'type must be "Set" or "Delete"'));
    if (isSet !== (action.set !== undefined))
      errors.push(required(`${at}.action.set`, 'set is required when type is Set, and forbidden otherwise'));
    const value = action.set?.value;
    if (value === '') errors.push(required(`${at}.action.set.value`));
    else if (value !== undefined && value.length > 16_384)
      errors.push(invalid(`${at}.action.set.value`, value, 'value exceeds the maximum length, which is 16384'));
    else if (value !== undefined && !pattern.test(value))
      errors.push(invalid(`${at}.action.set.value`, value, valueText(fetcher)));
    return errors;
  });
}

function tlsErrors(path: string, tls: TLSConfig): FieldError[] {
  const errors: FieldError[] = [];
  const { termination, insecureEdgeTerminationPolicy: insecure = '' } = tls;
  const external = tls.externalCertificate?.name ?? '';
  switch (termination) {
    case 'passthrough': {
      const detail = 'passthrough termination does not support certificates';
      for (const [field, redacted] of [
        ['certificate', 'redacted certificate data'],
        ['key', 'redacted key data'],
        ['externalCertificate', external],
        ['caCertificate', 'redacted ca certificate data'],
        ['destinationCACertificate', 'redacted destination ca certificate data'],
      ] as const)
        if (field === 'externalCertificate' ? external !== '' : !isAbsent(tls[field]))
          errors.push(invalid(`${path}.${field}`, redacted, detail));
      break;
    }
    case 'edge':
    case 'reencrypt':
      if (termination === 'edge' && !isAbsent(tls.destinationCACertificate))
        errors.push(
          invalid(
            `${path}.destinationCACertificate`,
            'redacted destination ca certificate data',
            'edge termination does not support destination certificates',
          ),
        );
      if (!isAbsent(tls.certificate) && external !== '')
        errors.push(
          invalid(
            `${path}.externalCertificate`,
            external,
            'cannot specify both tls.certificate and tls.externalCertificate',
          ),
        );
      break;
    default:
      errors.push(notSupported(`${path}.termination`, termination, ['edge', 'passthrough', 'reencrypt']));
  }
  const allowed = termination === 'passthrough' ? ['None', 'Redirect'] : ['None', 'Allow', 'Redirect'];
  const known = ['edge', 'reencrypt', 'passthrough'].includes(termination);
  if (insecure !== '' && known && !allowed.includes(insecure))
    errors.push(
      invalid(
        `${path}.insecureEdgeTerminationPolicy`,
        insecure,
        `invalid value for InsecureEdgeTerminationPolicy option, acceptable values are ${allowed.join(', ')}, or empty`,
      ),
    );
  return errors;
}

const pathErrors = (spec: RouteSpec): FieldError[] =>
  /[# ]/.test(spec.path ?? '') ? [invalid('spec.path', spec.path, 'cannot contain # or spaces')] : [];

function backendErrors(path: string, backend: RouteSpec['to']): FieldError[] {
  const { kind, name, weight } = backend;
  return [
    ...(isAbsent(name) ? [required(`${path}.name`)] : []),
    ...(kind === 'Service' ? [] : [invalid(`${path}.kind`, kind ?? '', 'must reference a Service')]),
    ...(weight !== undefined && (weight < 0 || weight > 256)
      ? [invalid(`${path}.weight`, weight, 'weight must be an integer between 0 and 256')]
      : []),
  ];
}

function commonErrors({ metadata, spec }: Route, checkHost: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const { host = '', subdomain = '', path = '', wildcardPolicy = '', tls } = spec;
  if (host !== '') {
    if (dns1123Subdomain(host).length > 0)
      errors.push(invalid('spec.host', host, 'host must conform to DNS 952 subdomain conventions'));
    if (checkHost && metadata.annotations?.['route.openshift.io/allow-non-dns-compliant-host'] !== 'true')
      for (const label of host.split('.')) errors.push(...texts('spec.host', host, dns1123Label(label)));
  }
  if (subdomain !== '') {
    if (subdomain.length > dns1123SubdomainMax)
      errors.push(invalid('spec.subdomain', subdomain, maxLengthText(dns1123SubdomainMax)));
    for (const label of subdomain.split('.')) {
      const wrong = dns1123Label(label);
      if (wrong.length > 0) errors.push(invalid('spec.subdomain', label, wrong.join(', ')));
    }
  }
  if (wildcardPolicy !== '' && wildcardPolicy !== 'None' && wildcardPolicy !== 'Subdomain')
    errors.push(notSupported('spec.wildcardPolicy', wildcardPolicy, ['None', 'Subdomain']));
  else if (wildcardPolicy === 'Subdomain' && host === '')
    errors.push(invalid('spec.wildcardPolicy', wildcardPolicy, 'host name not specified for wildcard policy'));
  const response = spec.httpHeaders?.actions?.response ?? [];
  const request = spec.httpHeaders?.actions?.request ?? [];
  if (response.length + request.length > 0 && tls?.termination === 'passthrough')
    errors.push(
      invalid(
        'spec.tls.termination',
        tls.termination,
        'only edge and re-encrypt routes are supported for providing customized headers.',
      ),
    );
  for (const [name, headers, fetcher] of [
    ['response', response, 'res'],
    ['request', request, 'req'],
  ] as const) {
    const at = `spec.httpHeaders.actions.${name}`;
    errors.push(
      ...(headers.length > headersMax
        ? [invalid(at, headers, `${name} headers list can't exceed ${headersMax} items`)]
        : headerErrors(at, headers, fetcher)),
    );
  }
  if (path !== '' && !path.startsWith('/')) errors.push(invalid('spec.path', path, 'path must begin with /'));
  if (path !== '' && tls?.termination === 'passthrough')
    errors.push(invalid('spec.path', path, 'passthrough termination does not support paths'));
  errors.push(...backendErrors('spec.to', spec.to));
  const others = spec.alternateBackends ?? [];
  if (others.length > 3)
    errors.push(required('spec.alternateBackends', 'cannot specify more than 3 alternate backends'));
  others.forEach((one, index) => errors.push(...backendErrors(`spec.alternateBackends[${index}]`, one)));
  const target = spec.port?.targetPort;
  if (spec.port !== undefined && (target === undefined || target === 0 || target === ''))
    errors.push(required('spec.port.targetPort'));
  return tls === undefined ? errors : [...errors, ...tlsErrors('spec.tls', tls)];
}

const labelsAreValid = (host: string) => host === '' || host.split('.').every((one) => dns1123Label(one).length === 0);

const oldTerminations: Readonly<Record<string, string>> = {
  Edge: 'edge',
  Reencrypt: 'reencrypt',
  Passthrough: 'passthrough',
};

/** Upstream's defaults of a Route's spec, at every write. */
function setDefaults({ spec }: Mutable<Route>): void {
  for (const backend of [spec.to, ...(spec.alternateBackends ?? [])]) {
    if (isAbsent(backend.kind)) backend.kind = 'Service';
    backend.weight ??= 100;
  }
  if (isAbsent(spec.wildcardPolicy)) spec.wildcardPolicy = 'None';
  const { tls } = spec;
  if (tls === undefined) return;
  if (isAbsent(tls.termination) && isAbsent(tls.destinationCACertificate)) tls.termination = 'edge';
  tls.termination = oldTerminations[tls.termination] ?? tls.termination;
}

export const route: KindBehaviour<Route> = {
  prepareForCreate(object) {
    object.status = { ingress: [] };
    setDefaults(object);
  },
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') {
      object.spec = previous.spec as typeof object.spec;
      return;
    }
    setDefaults(object);
    // Who does not know the host keeps the one that was given.
    if (isAbsent(object.spec.host)) object.spec.host = previous.spec.host;
  },
  validate: (object) => [...pathErrors(object.spec), ...commonErrors(object, true)],
  validateUpdate(object, previous, subresource) {
    if (subresource === 'status') return [];
    const hostChanged = (object.spec.host ?? '') !== (previous.spec.host ?? '');
    return [
      ...immutable('spec.wildcardPolicy', object.spec.wildcardPolicy, previous.spec.wildcardPolicy),
      ...commonErrors(object, hostChanged && labelsAreValid(previous.spec.host ?? '')),
      ...(object.spec.path === previous.spec.path ? [] : pathErrors(object.spec)),
    ];
  },
  warnings: ({ spec }) =>
    isAbsent(spec.host) || isAbsent(spec.subdomain) ? [] : ['spec.host is set; spec.subdomain may be ignored'],
  selectableFields: ({ spec }) => ({
    'spec.path': spec.path ?? '',
    'spec.host': spec.host ?? '',
    'spec.subdomain': spec.subdomain ?? '',
    'spec.to.name': spec.to.name,
  }),
};
