// Authorization checks in expressions: the host decides, at once or later (then the evaluation waits, run/pending.ts). Each
// question is asked once a value of the authorizer, which lives as long as a request.
import { nameIsDnsLabel, nameIsDnsSubdomain } from '../../meta/names.ts';
import type { FunctionTable, Run } from '../check/functions.ts';
import { Pending } from '../run/pending.ts';
import { CelError, Opaque } from '../run/values.ts';
import {
  authorizerType,
  decisionType,
  groupCheckType,
  pathCheckType,
  resourceCheckType,
  type CelType,
} from '../types.ts';

export interface AuthorizationQuestion {
  /** Instead of the request's user. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string } | undefined;
  readonly verb: string;
  /** Of a path that is no resource; else the rest is said. */
  readonly path?: string | undefined;
  readonly group?: string | undefined;
  readonly resource?: string | undefined;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
}
export interface AuthorizationAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  /** What went wrong while deciding. */
  readonly error?: string | undefined;
}
export type Authorize = (question: AuthorizationQuestion) => AuthorizationAnswer | Promise<AuthorizationAnswer>;

class Asked {
  readonly #authorize: Authorize;
  readonly #answers = new Map<string, AuthorizationAnswer>();
  constructor(authorize: Authorize) {
    this.#authorize = authorize;
  }
  answer(question: AuthorizationQuestion): AuthorizationAnswer {
    const key = JSON.stringify(question);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = this.#authorize(question);
    if (answer instanceof Promise) throw new Pending(answer.then((one) => this.#answers.set(key, one)));
    this.#answers.set(key, answer);
    return answer;
  }
}

type Question = Omit<AuthorizationQuestion, 'verb'>;

/** An authorizer, or a check in the making. */
export class CheckValue extends Opaque {
  override readonly celType: CelType;
  readonly asked: Asked;
  readonly question: Question;
  constructor(type: CelType, asked: Asked, question: Question) {
    super();
    this.celType = type;
    this.asked = asked;
    this.question = question;
  }
  with(type: CelType, more: Question): CheckValue {
    return new CheckValue(type, this.asked, { ...this.question, ...more });
  }
  check(verb: string): DecisionValue {
    return new DecisionValue(this.asked.answer({ ...this.question, verb }));
  }
  override equals(other: unknown): boolean {
    return other === this;
  }
}
export class DecisionValue extends Opaque {
  readonly answer: AuthorizationAnswer;
  constructor(answer: AuthorizationAnswer) {
    super();
    this.answer = answer;
  }
  override get celType(): CelType {
    return decisionType;
  }
  override equals(other: unknown): boolean {
    return other === this;
  }
}

/** For a variable of `authorizerType`. */
export const authorizerValue = (authorize: Authorize): CheckValue =>
  new CheckValue(authorizerType, new Asked(authorize), {});

/** For a variable of `resourceCheckType` (`authorizer.requestResource`), with the request's own resource. */
export const resourceCheckValue = (authorizer: CheckValue, resource: Question): CheckValue =>
  authorizer.with(resourceCheckType, resource);

export function declareAuthorization(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  const of = (name: string): string => `kubernetes.authorization.${name}`;
  const [authorizer, path, group, resource, decision] = [
    of('Authorizer'),
    of('PathCheck'),
    of('GroupCheck'),
    of('ResourceCheck'),
    of('Decision'),
  ];
  const need = (value: string, name: string): string => {
    if (value.trim() === '') throw new CelError(`${name} must not be empty`);
    return value;
  };
  add(`authorizer_path: ${authorizer}.path(string): ${path}`, (one: CheckValue, value: string) =>
    one.with(pathCheckType, { path: need(value, 'path') }),
  );
  add(`authorizer_group: ${authorizer}.group(string): ${group}`, (one: CheckValue, value: string) =>
    one.with(groupCheckType, { group: value }),
  );
  add(
    `authorizer_serviceaccount: ${authorizer}.serviceAccount(string, string): ${authorizer}`,
    (one: CheckValue, namespace: string, name: string) => {
      if (nameIsDnsSubdomain(name, false).length > 0) throw new CelError('Invalid service account name');
      if (nameIsDnsLabel(namespace, false).length > 0) throw new CelError('Invalid service account namespace');
      return one.with(authorizerType, { serviceAccount: { namespace, name } });
    },
  );
  add(`groupcheck_resource: ${group}.resource(string): ${resource}`, (one: CheckValue, value: string) =>
    one.with(resourceCheckType, { resource: need(value, 'resource') }),
  );
  for (const [name, id] of [
    ['subresource', 'resourcecheck_subresource'],
    ['namespace', 'resourcecheck_namespace'],
    ['name', 'resourcecheck_name'],
    ['fieldSelector', 'authorizer_fieldselector'],
    ['labelSelector', 'authorizer_labelselector'],
  ] as const)
    add(`${id}: ${resource}.${name}(string): ${resource}`, (one: CheckValue, value: string) =>
      one.with(resourceCheckType, { [name]: value }),
    );
  add(`pathcheck_check: ${path}.check(string): ${decision}`, (one: CheckValue, verb: string) => one.check(verb));
  add(`resourcecheck_check: ${resource}.check(string): ${decision}`, (one: CheckValue, verb: string) =>
    one.check(verb),
  );
  add(`decision_errored: ${decision}.errored(): bool`, ({ answer }: DecisionValue) => answer.error !== undefined);
  add(`decision_error: ${decision}.error(): string`, ({ answer }: DecisionValue) => answer.error ?? '');
  add(`decision_allowed: ${decision}.allowed(): bool`, ({ answer }: DecisionValue) => answer.allowed);
  add(`decision_reason: ${decision}.reason(): string`, ({ answer }: DecisionValue) => answer.reason);
}
