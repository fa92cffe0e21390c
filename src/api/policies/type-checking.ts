// What is wrong with a policy's expressions for the kinds that it is about: status.typeChecking. Expressions that fit are
// silent; a kind that is not known is passed over. Texts of upstream's type checker.
import type { CelType } from '../cel/types.ts';
import type { ExpressionWarning, ValidatingAdmissionPolicy } from '../generated/types.ts';
import type { KindRow } from '../kind.ts';
import { parseGroupVersion } from './bindings.ts';
import { policyExpressions } from './expressions.ts';
import { typeOfKind } from './kind-types.ts';

const kindsMax = 10;

/** No more than `kindsMax`, as upstream: a policy on everything is not checked. */
function kindsOf(policy: ValidatingAdmissionPolicy, rows: readonly KindRow[]): readonly KindRow[] {
  const found = new Set<KindRow>();
  for (const rule of policy.spec.matchConstraints?.resourceRules ?? []) {
    const { apiGroups = [], apiVersions = [] } = rule;
    if ([...apiGroups, ...apiVersions].some((one) => one.includes('*'))) continue;
    const resources = (rule.resources ?? []).filter((one) => !/[*/]/.test(one));
    for (const group of apiGroups.toSorted())
      for (const version of apiVersions.toSorted())
        for (const resource of resources.toSorted()) {
          const row = rows.find((one) => one.group === group && one.version === version && one.resource === resource);
          if (row !== undefined && found.size < kindsMax) found.add(row);
        }
  }
  const key = (row: KindRow): string => [row.group, row.version, row.kind].join('\0');
  return [...found].toSorted((one, other) => (key(one) < key(other) ? -1 : 1));
}

function paramsTypeOf(policy: ValidatingAdmissionPolicy, rows: readonly KindRow[]): CelType | undefined {
  const { paramKind } = policy.spec;
  const parsed = parseGroupVersion(paramKind?.apiVersion ?? '');
  const row = rows.find(
    (one) => one.group === parsed?.group && one.version === parsed.version && one.kind === paramKind?.kind,
  );
  return row === undefined ? undefined : typeOfKind(row);
}

const failed = 'compilation failed: ';

export function typeWarnings(policy: ValidatingAdmissionPolicy, rows: readonly KindRow[]): ExpressionWarning[] {
  const paramsType = paramsTypeOf(policy, rows);
  const environments = kindsOf(policy, rows).map((row) => {
    const expressions = policyExpressions({
      hasParams: policy.spec.paramKind !== undefined,
      hasVariables: true,
      objectType: typeOfKind(row),
      paramsType,
    });
    for (const { name, expression } of policy.spec.variables ?? []) expressions.addVariable(name, expression);
    return { row, expressions };
  });
  const warningsOf = (fieldRef: string, text: string): ExpressionWarning[] => {
    const lines = environments.flatMap(({ row, expressions }) => {
      const { problem } = expressions.compile(text, 'any');
      if (problem === undefined) return [];
      const issues = problem.startsWith(failed) ? problem.slice(failed.length) : problem;
      return [`${row.group}/${row.version}, Kind=${row.kind}: ${issues}\n`];
    });
    return lines.length === 0 ? [] : [{ fieldRef, warning: lines.join('\n') }];
  };
  return (policy.spec.validations ?? []).flatMap(({ expression, messageExpression = '' }, index) => [
    ...warningsOf(`spec.validations[${index}].expression`, expression),
    ...(messageExpression === '' ? [] : warningsOf(`spec.validations[${index}].messageExpression`, messageExpression)),
  ]);
}
