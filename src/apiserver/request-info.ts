// What a request asks for, read off its method, path and query: upstream's RequestInfo. Pure; knows no kinds. The path was
// percent-decoded by the front, once, as a whole: here nothing is decoded again.
import { requiredFieldValue } from '#api/meta/field-selector.ts';
import { verbOfMethod } from '#rules/verb-of-method.ts';

export interface RequestInfo {
  readonly isResource: boolean;
  readonly path: string;
  /** get, list, watch, create, update, patch, delete, deletecollection; for other paths the lower-case method. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  /** What follows the subresource (proxy paths), with its leading slash; '' when nothing does. */
  readonly rest: string;
  readonly name: string;
  /** Segments behind the version: a resource request with none is discovery. */
  readonly isLegacyWatchPath: boolean;
}

/** Subresources of a namespace; anything else behind /namespaces/NAME/ is a namespaced resource. */
const namespaceSubresources = new Set(['status', 'finalize']);

const nonResource = (method: string, path: string): RequestInfo => ({
  isResource: false,
  path,
  verb: method.toLowerCase(),
  group: '',
  version: '',
  namespace: '',
  resource: '',
  subresource: '',
  rest: '',
  name: '',
  isLegacyWatchPath: false,
});

/** By the parser that selects, so that what is authorized is what is read. Upstream's IsValidPathSegmentName. */
const nameOfFieldSelector = (selector: string | null): string => {
  const name = requiredFieldValue(selector ?? '', 'metadata.name') ?? '';
  return name === '.' || name === '..' || /[/%]/.test(name) ? '' : name;
};

export const isWatchQuery = (query: URLSearchParams): boolean => {
  const value = query.get('watch');
  return value !== null && value !== 'false' && value !== '0';
};

function segmentsOf(path: string): string[] {
  const parts = (path.startsWith('/') ? path.slice(1) : path).split('/');
  return parts.includes('') ? parts.filter((part) => part !== '') : parts;
}

export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const parts = segmentsOf(path);
  const prefix = parts[0];
  const segmentsBeforeResource = prefix === 'api' ? 2 : prefix === 'apis' ? 3 : 0;
  if (segmentsBeforeResource === 0 || parts.length <= segmentsBeforeResource) return nonResource(method, path);

  const group = prefix === 'api' ? '' : parts[1]!;
  const version = parts[segmentsBeforeResource - 1]!;
  let rest = parts.slice(segmentsBeforeResource);
  let verb = verbOfMethod(method) ?? '';
  const isLegacyWatchPath = rest[0] === 'watch' && rest.length > 1;
  if (isLegacyWatchPath) {
    verb = 'watch';
    rest = rest.slice(1);
  }
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1]!;
    if (rest.length > 2 && !namespaceSubresources.has(rest[2]!)) rest = rest.slice(2);
  }
  const resource = rest[0] ?? '';
  let name = rest[1] ?? '';
  const subresource = rest[2] ?? '';
  // The raw remainder keeps a trailing slash, which proxied servers tell apart.
  const remainder = rest.slice(3);
  const restPath =
    remainder.length === 0
      ? subresource !== '' && path.endsWith('/')
        ? '/'
        : ''
      : `/${remainder.join('/')}${path.endsWith('/') ? '/' : ''}`;
  if (name === '' && verb === 'get') {
    verb = isWatchQuery(query) ? 'watch' : 'list';
    name = nameOfFieldSelector(query.get('fieldSelector'));
  } else if (name === '' && verb === 'delete') {
    verb = 'deletecollection';
    name = nameOfFieldSelector(query.get('fieldSelector'));
  }
  // A project is a namespace: rights in it are rights to it.
  if (group === 'project.openshift.io' && resource === 'projects' && namespace === '') namespace = name;
  return {
    isResource: true,
    path,
    verb,
    group,
    version,
    namespace,
    resource,
    subresource,
    rest: restPath,
    name,
    isLegacyWatchPath,
  };
}
