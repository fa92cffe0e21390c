// `authorizer` in expressions: questions about access, as values that grow with each call
// (`authorizer.group('apps').resource('deployments').namespace('a').check('get').allowed()`), and their answers.
import { FunctionTable } from '../cel/check/functions.ts';
import { CelError, Opaque } from '../cel/run/values.ts';
import {
  authorizerType,
  boolType,
  decisionType,
  groupCheckType,
  pathCheckType,
  resourceCheckType,
  stringType,
  type CelType,
} from '../cel/types.ts';
import { dns1123Label, dns1123Subdomain } from '../meta/names.ts';

export interface AccessQuestion {
  /** Undefined: may who sends the request; else: may this account. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string } | undefined;
  readonly verb: string;
  /** Of no resource; then the rest is ''. */
  readonly path: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** As given: one that cannot be read restricts nothing. */
  readonly fieldSelector: string;
  readonly labelSelector: string;
}

export interface AccessAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  /** '' when there was none. */
  readonly error: string;
}

/** May throw Pending (cel.ts). */
export type AskAccess = (question: AccessQuestion) => AccessAnswer;

/** What has no value that expressions see: only functions take it. */
class Check extends Opaque {
  override readonly celType: CelType;
  readonly ask: AskAccess;
  readonly question: AccessQuestion;
  constructor(celType: CelType, ask: AskAccess, question: AccessQuestion) {
    super();
    this.celType = celType;
    this.ask = ask;
    this.question = question;
  }
  override equals(other: unknown): boolean {
    return (
      other instanceof Check &&
      other.celType === this.celType &&
      JSON.stringify(other.question) === JSON.stringify(this.question)
    );
  }
  with(more: Partial<AccessQuestion>, celType: CelType = this.celType): Check {
    return new Check(celType, this.ask, { ...this.question, ...more });
  }
  decide(verb: string): Decision {
    return new Decision(this.ask({ ...this.question, verb }));
  }
}

class Decision extends Opaque {
  override readonly celType = decisionType;
  readonly answer: AccessAnswer;
  constructor(answer: AccessAnswer) {
    super();
    this.answer = answer;
  }
  override equals(other: unknown): boolean {
    return other instanceof Decision && JSON.stringify(other.answer) === JSON.stringify(this.answer);
  }
}

const nothing: AccessQuestion = {
  serviceAccount: undefined,
  verb: '',
  path: '',
  group: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  fieldSelector: '',
  labelSelector: '',
};

/** The value of `authorizer`. */
export const authorizerValue = (ask: AskAccess): unknown => new Check(authorizerType, ask, nothing);
/** The value of `authorizer.requestResource`. */
export const requestResourceValue = (
  ask: AskAccess,
  request: Pick<AccessQuestion, 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>,
): unknown => new Check(resourceCheckType, ask, { ...nothing, ...request });

function serviceAccount(authorizer: Check, namespace: string, name: string): Check {
  if (dns1123Subdomain(name).length > 0) throw new CelError('Invalid service account name');
  if (dns1123Label(namespace).length > 0) throw new CelError('Invalid service account namespace');
  return authorizer.with({ serviceAccount: { namespace, name } });
}

function notBlank(what: string, text: string): string {
  if (text.trim() === '') throw new CelError(`${what} must not be empty`);
  return text;
}

/** The functions of `base` with those of `authorizer`. */
export function withAuthorizerFunctions(base: FunctionTable): FunctionTable {
  const table = new FunctionTable(base);
  const declare = (signature: string, run: (...values: never[]) => unknown): void => {
    const types = new Map<string, CelType>([
      ['string', stringType],
      ['bool', boolType],
      ...([
        ['Authorizer', authorizerType],
        ['PathCheck', pathCheckType],
        ['GroupCheck', groupCheckType],
        ['ResourceCheck', resourceCheckType],
        ['Decision', decisionType],
      ] as const),
    ]);
    table.declare(signature, run, types);
  };
  declare('authorizer_path: Authorizer.path(string): PathCheck', (one: Check, path: string) =>
    one.with({ path: notBlank('path', path) }, pathCheckType),
  );
  declare('authorizer_group: Authorizer.group(string): GroupCheck', (one: Check, group: string) =>
    one.with({ group }, groupCheckType),
  );
  declare('authorizer_serviceaccount: Authorizer.serviceAccount(string, string): Authorizer', serviceAccount);
  declare('groupcheck_resource: GroupCheck.resource(string): ResourceCheck', (one: Check, resource: string) =>
    one.with({ resource: notBlank('resource', resource) }, resourceCheckType),
  );
  for (const field of ['subresource', 'namespace', 'name'] as const)
    declare(`resourcecheck_${field}: ResourceCheck.${field}(string): ResourceCheck`, (one: Check, value: string) =>
      one.with({ [field]: value }),
    );
  for (const field of ['fieldSelector', 'labelSelector'] as const)
    declare(
      `authorizer_${field.toLowerCase()}: ResourceCheck.${field}(string): ResourceCheck`,
      (one: Check, value: string) => one.with({ [field]: value }),
    );
  declare('pathcheck_check: PathCheck.check(string): Decision', (one: Check, verb: string) => one.decide(verb));
  declare('resourcecheck_check: ResourceCheck.check(string): Decision', (one: Check, verb: string) => one.decide(verb));
  declare('decision_errored: Decision.errored(): bool', (one: Decision) => one.answer.error !== '');
  declare('decision_error: Decision.error(): string', (one: Decision) => one.answer.error);
  declare('decision_allowed: Decision.allowed(): bool', (one: Decision) => one.answer.allowed);
  declare('decision_reason: Decision.reason(): string', (one: Decision) => one.answer.reason);
  return table;
}
