// What expressions of policies and match conditions see of a request: `object`, `oldObject`, `request`, `namespaceObject`,
// `authorizer`. Made once a request and version.
import type { Bindings } from '#api/cel/cel.ts';
import {
  authorizerValue,
  resourceCheckValue,
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  type Authorize,
} from '#api/cel/functions/authorization.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { Identity } from '#api/request.ts';
import { serviceAccountGroups, serviceAccountUser } from '../../authentication/service-account-names.ts';
import type { AccessAttributes, AccessDecision, AdmissionAttributes, Server } from '../../context.ts';
import { isNamespaceObject, namespaceObject, namespaceOf, type Matched } from '../dynamic/request-matcher.ts';
import type { VersionedObjects } from '../dynamic/versioned-object.ts';

const accessOf = (question: AuthorizationQuestion, user: Identity): AccessAttributes => {
  const { path = '', fieldSelector = '', labelSelector = '' } = question;
  return {
    user,
    verb: question.verb,
    isResource: path === '',
    group: question.group ?? '',
    version: path === '' ? '*' : '',
    resource: question.resource ?? '',
    subresource: question.subresource ?? '',
    namespace: question.namespace ?? '',
    name: question.name ?? '',
    path,
    ...(fieldSelector === '' ? {} : { fieldSelector }),
    ...(labelSelector === '' ? {} : { labelSelector }),
  };
};

const answerOf = ({ decision, reason, error }: AccessDecision): AuthorizationAnswer => ({
  allowed: decision === 'allow',
  reason,
  error,
});

const authorizeFor =
  (attributes: AdmissionAttributes, server: Server): Authorize =>
  (question) => {
    const { serviceAccount } = question;
    const user =
      serviceAccount === undefined
        ? attributes.user
        : {
            name: serviceAccountUser(serviceAccount.namespace, serviceAccount.name),
            groups: serviceAccountGroups(serviceAccount.namespace),
          };
    const decision = server.authorizer.authorize(accessOf(question, user));
    return decision instanceof Promise ? decision.then(answerOf) : answerOf(decision);
  };

const kindOf = ({ group, version, kind }: { group: string; version: string; kind: string }) => ({
  group,
  version,
  kind,
});
const resourceOf = ({ group, version, resource }: { group: string; version: string; resource: string }) => ({
  group,
  version,
  resource,
});

function requestValue(attributes: AdmissionAttributes, matched: Matched): Readonly<Record<string, unknown>> {
  const { requested, subresource, user, name, options } = attributes;
  const namespace = namespaceOf(attributes);
  const subresources = subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource };
  return {
    kind: kindOf(matched.kind),
    resource: resourceOf(matched.row),
    requestKind: kindOf(attributes.subresourceKind ?? requested),
    requestResource: resourceOf(requested),
    ...subresources,
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation: attributes.operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      groups: user.groups,
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
    dryRun: attributes.dryRun,
    options: options ?? null,
  };
}

/** Without what is nobody's business in an expression: managed fields, owners. */
function shownNamespace(namespace: KubernetesObject | undefined): object | null {
  if (namespace === undefined) return null;
  const { managedFields: _managed, ownerReferences: _owners, selfLink: _link, ...metadata } = namespace.metadata;
  const { spec, status } = namespace as { spec?: unknown; status?: unknown };
  return { metadata, spec: spec ?? {}, status: status ?? {} };
}

/** Match conditions have no namespaceObject. Throws an ApiError (404) when the namespace is not there. */
export function requestBindings(
  attributes: AdmissionAttributes,
  server: Server,
): (matched: Matched, objects: VersionedObjects) => Bindings {
  const authorizer = authorizerValue(authorizeFor(attributes, server));
  const namespace = isNamespaceObject(attributes) ? undefined : namespaceObject(attributes, server);
  const { requested, subresource, name } = attributes;
  const access = {
    authorizer,
    'authorizer.requestResource': resourceCheckValue(authorizer, {
      group: requested.group,
      resource: requested.resource,
      subresource,
      namespace: namespaceOf(attributes),
      name,
    }),
  };
  return (matched, { object, old }) => ({
    ...access,
    object,
    oldObject: old,
    request: () => requestValue(attributes, matched),
    namespaceObject: () => shownNamespace(namespace),
    params: null,
  });
}
