// The requests of discovery, of the version and of the issuer of tokens, as the documents tell of them.
import {
  groupWord,
  metaType,
  objectTypes,
  operationIdOf,
  tagOf,
  upperFirst,
  type Operation,
  type PathItem,
} from './operation.ts';

const get = (
  path: string,
  operation: Pick<Operation, 'operationId' | 'tag' | 'description' | 'answers'> & Partial<Operation>,
): PathItem => ({
  path,
  operations: [{ method: 'get', parameters: [], consumes: objectTypes, produces: objectTypes, ...operation }],
});

const versionsOf = (path: string, operationId: string, tag: string, type: string): PathItem =>
  get(path, { operationId, tag, description: 'get available API versions', answers: { 200: metaType(type) } });

export const groupItem = (group: string): PathItem =>
  get(`/apis/${group}/`, {
    operationId: `get${upperFirst(groupWord(group))}APIGroup`,
    tag: tagOf(group),
    description: 'get information of a group',
    answers: { 200: metaType('APIGroup') },
  });

export const groupVersionItem = (prefix: string, group: string, version: string): PathItem =>
  get(`${prefix}/`, {
    operationId: operationIdOf('get', group, version, 'APIResources'),
    tag: tagOf(group, version),
    description: 'get available resources',
    answers: { 200: metaType('APIResourceList') },
  });

/** Document of OpenAPI v3 -> its only path. */
export const serverItems: Readonly<Record<string, PathItem>> = {
  '.well-known/openid-configuration': get('/.well-known/openid-configuration/', {
    operationId: 'getServiceAccountIssuerOpenIDConfiguration',
    tag: 'WellKnown',
    description: "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
    consumes: undefined,
    produces: ['application/json'],
    answers: { 200: '' },
  }),
  api: versionsOf('/api/', 'getCoreAPIVersions', 'core', 'APIVersions'),
  apis: versionsOf('/apis/', 'getAPIVersions', 'apis', 'APIGroupList'),
  'openid/v1/jwks': get('/openid/v1/jwks/', {
    operationId: 'getServiceAccountIssuerOpenIDKeyset',
    tag: 'openid',
    description: 'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)',
    consumes: undefined,
    produces: ['application/jwk-set+json'],
    answers: { 200: '' },
  }),
  version: get('/version/', {
    operationId: 'getCodeVersion',
    tag: 'version',
    description: 'get the version information for this server',
    consumes: ['application/json'],
    produces: ['application/json'],
    answers: { 200: 'io.k8s.apimachinery.pkg.version.Info' },
  }),
};
