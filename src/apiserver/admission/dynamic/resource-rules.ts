// Whether a rule of a webhook or a policy means a request: operations, groups, versions, resources with subresources, scope.
// Pure. `*` is any resource itself, `*/*` any with any subresource, `pods/*` all of pods.
import type { AdmissionOperation } from '../../context.ts';

export interface ResourceRule {
  readonly operations?: readonly string[] | undefined;
  readonly apiGroups?: readonly string[] | undefined;
  readonly apiVersions?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly scope?: string | undefined;
  /** Of policies: only these objects. */
  readonly resourceNames?: readonly string[] | undefined;
}

export interface RuledRequest {
  readonly operation: AdmissionOperation;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Of the kind: Namespaces are the cluster's. */
  readonly isNamespaced: boolean;
}

export type CompiledRule = (request: RuledRequest) => boolean;

type Test = (value: string) => boolean;

function oneOf(values: readonly string[] = []): Test {
  if (values.includes('*')) return () => true;
  const known = new Set(values);
  return (value) => known.has(value);
}

function resourceTest(resources: readonly string[] = []): (resource: string, subresource: string) => boolean {
  const parts = resources.map((one) => {
    const [resource = '', subresource = ''] = /^([^/]*)(?:\/(.*))?$/.exec(one)?.slice(1) ?? [];
    return { resource, subresource };
  });
  return (resource, subresource) =>
    parts.some(
      (one) =>
        (one.resource === '*' || one.resource === resource) &&
        (one.subresource === '*' || one.subresource === subresource),
    );
}

export function compileRule(rule: ResourceRule): CompiledRule {
  const operation = oneOf(rule.operations);
  const group = oneOf(rule.apiGroups);
  const version = oneOf(rule.apiVersions);
  const resource = resourceTest(rule.resources);
  const { scope = '*', resourceNames = [] } = rule;
  const scopeMatches = (isNamespaced: boolean): boolean =>
    scope === '*' || (scope === 'Namespaced' ? isNamespaced : scope === 'Cluster' && !isNamespaced);
  return (request) =>
    scopeMatches(request.isNamespaced) &&
    operation(request.operation) &&
    group(request.group) &&
    version(request.version) &&
    resource(request.resource, request.subresource) &&
    (resourceNames.length === 0 || resourceNames.includes(request.name));
}
