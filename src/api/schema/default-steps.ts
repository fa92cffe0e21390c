// The step language of the defaulting tables, compiled to functions. A path with [*] runs its step once for each element
// of that list; [key] is the key of the enclosing forEachKeyOf.
import { InvariantError } from '#base/errors.ts';
import { imageTag } from './image-tag.ts';

type Node = Record<string, unknown>;

export interface StepFacts {
  readonly if?: Condition;
  readonly set?: string;
  readonly to?: unknown;
  readonly do?: readonly StepFacts[];
  readonly else?: readonly StepFacts[];
  readonly forEachKeyOf?: string;
  readonly apply?: string;
  readonly field?: string;
}
type Condition = Readonly<Record<string, unknown>>;

/** `frames[0]` is the object, then the bound list elements, outermost first. */
interface Environment {
  readonly frames: unknown[];
  key: string;
  readonly now: number | undefined;
}
type Step = (environment: Environment) => void;

export interface StepContext {
  /** The rule set of another name, such as `SetDefaults_Container`; its paths start at the field. */
  readonly ruleSet: (name: string) => readonly StepFacts[] | undefined;
  readonly predicates: Readonly<Record<string, (object: Node) => boolean>>;
  /** Whole steps by hand: rule sets that no table can say, and derived values. */
  readonly byHand: Readonly<Record<string, (object: Node) => void>>;
}

/** structuredClone is an order of magnitude slower for small values. */
function cloneJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cloneJson);
  const result: Node = {};
  for (const [key, one] of Object.entries(value)) result[key] = cloneJson(one);
  return result;
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Compiles a rule set to one function over an object (or a list, for sets whose paths start with [*]). */
export function compileSteps(
  steps: readonly StepFacts[],
  context: StepContext,
): (object: unknown, now: number | undefined) => void {
  const compiled = compileAll(steps, [], context);
  return (object, now) => compiled({ frames: [object], key: '', now });
}

const compileAll = (steps: readonly StepFacts[], bound: readonly string[], context: StepContext): Step => {
  const compiled = steps.map((step) => compileStep(step, bound, context));
  return (environment) => {
    for (const step of compiled) step(environment);
  };
};

/** Every path that the step itself reads or writes, its nested steps left out. */
function ownPaths(step: StepFacts): string[] {
  const paths: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value === 'string') paths.push(value);
    else if (Array.isArray(value)) value.forEach(visit);
    else if (isNode(value)) Object.values(value).forEach(visit);
  };
  if (step.if !== undefined) visit(step.if);
  if (step.set !== undefined) paths.push(step.set);
  if (step.forEachKeyOf !== undefined) paths.push(step.forEachKeyOf);
  if (isNode(step.to)) visit(step.to);
  return paths.filter((path) => path.includes('[*]'));
}

const isBound = (prefix: string, bound: readonly string[]) => bound.includes(prefix);

/** The outermost list that the step runs over and that is not bound yet: `spec.ports` of `spec.ports[*].protocol`. */
function unboundList(step: StepFacts, bound: readonly string[]): string | undefined {
  let found: string | undefined;
  for (const path of ownPaths(step)) {
    for (let at = path.indexOf('[*]'); at >= 0; at = path.indexOf('[*]', at + 3)) {
      const prefix = path.slice(0, at + 3);
      if (isBound(prefix, bound)) continue;
      if (found === undefined || prefix.length < found.length) found = prefix;
      break;
    }
  }
  return found;
}

function compileStep(step: StepFacts, bound: readonly string[], context: StepContext): Step {
  const list = unboundList(step, bound);
  if (list !== undefined) {
    const get = compileGet(list.slice(0, -3), bound);
    const inner = compileStep(step, [...bound, list], context);
    return (environment) => {
      const elements = get(environment);
      if (!Array.isArray(elements)) return;
      for (const element of elements) {
        environment.frames.push(element);
        inner(environment);
        environment.frames.pop();
      }
    };
  }
  const action = compileAction(step, bound, context);
  if (step.if === undefined) return action;
  const condition = compileCondition(step.if, bound, context);
  const otherwise = step.else === undefined ? undefined : compileAll(step.else, bound, context);
  return (environment) => {
    if (condition(environment)) action(environment);
    else otherwise?.(environment);
  };
}

function compileAction(step: StepFacts, bound: readonly string[], context: StepContext): Step {
  if (step.forEachKeyOf !== undefined) {
    const get = compileGet(step.forEachKeyOf, bound);
    const body = compileAll(step.do ?? [], bound, context);
    return (environment) => {
      const map = get(environment);
      if (!isNode(map)) return;
      const outer = environment.key;
      for (const key of Object.keys(map)) {
        environment.key = key;
        body(environment);
      }
      environment.key = outer;
    };
  }
  if (step.do !== undefined) return compileAll(step.do, bound, context);
  if (step.apply !== undefined) {
    const get = compileGet(step.field ?? '', bound);
    const hand = context.byHand[step.apply];
    const rules = context.ruleSet(step.apply);
    if (hand === undefined && rules === undefined) throw new InvariantError(`no defaulting rule set ${step.apply}`);
    const run = rules === undefined ? undefined : compileSteps(rules, context);
    return (environment) => {
      const target = get(environment);
      if (typeof target !== 'object' || target === null) return;
      if (hand === undefined) run!(target, environment.now);
      else if (isNode(target)) hand(target);
    };
  }
  return compileSet(step, bound, context);
}

function compileSet(step: StepFacts, bound: readonly string[], context: StepContext): Step {
  const path = step.set ?? '';
  const { to } = step;
  if (isNode(to) && ('derived' in to || 'mergedOver' in to)) {
    const name = String(to['derived'] ?? to['mergedOver']);
    const hand = context.byHand[name];
    return (environment) => {
      const root = environment.frames[0];
      if (isNode(root)) hand?.(root);
    };
  }
  if (path === '')
    return (environment) => {
      const target = environment.frames.at(-1);
      if (isNode(target) && isNode(to)) Object.assign(target, cloneJson(to) as Node);
    };
  const assign = compileAssign(path, bound);
  if (isNode(to) && 'append' in to) {
    const get = compileGet(path, bound);
    const value = compileValue(to['append'], bound);
    return (environment) => {
      const current = get(environment);
      assign(environment, [...(Array.isArray(current) ? current : []), value(environment)]);
    };
  }
  const value = compileValue(to, bound);
  return (environment) => {
    const next = value(environment);
    if (next !== undefined) assign(environment, next);
  };
}

/** What a default took over as a whole, and from where. */
const originals = new WeakMap<object, object>();

/** Whether a default made `value` of `original`: in Go both are then one map, and what is put into one is in both. */
export const isDefaultedFrom = (value: object | undefined, original: object | undefined): boolean =>
  value !== undefined && original !== undefined && originals.get(value) === original;

function compileValue(to: unknown, bound: readonly string[]): (environment: Environment) => unknown {
  if (isNode(to)) {
    if ('copyOf' in to) {
      const get = compileGet(String(to['copyOf']), bound);
      return (environment) => {
        const original = get(environment);
        const copy = cloneJson(original);
        if (typeof copy === 'object' && copy !== null) originals.set(copy, original as object);
        return copy;
      };
    }
    if ('lower' in to) {
      const get = compileGet(String(to['lower']), bound);
      return (environment) => asText(get(environment)).toLowerCase();
    }
    if ('concat' in to) {
      const parts = (to['concat'] as readonly unknown[]).map((part) => compileValue(part, bound));
      return (environment) => parts.map((part) => asText(part(environment))).join('');
    }
    if ('now' in to)
      return ({ now }) => (now === undefined ? undefined : `${new Date(now).toISOString().slice(0, 19)}Z`);
  }
  if (typeof to === 'object' && to !== null) return () => cloneJson(to);
  return () => to;
}

type Segment = string | { readonly key: true };

function segmentsOf(path: string): Segment[] {
  const segments: Segment[] = [];
  for (const match of path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g))
    segments.push(match[1] === 'key' ? { key: true } : (match[1] ?? match[2]!));
  return segments;
}

/** The frame that a path starts from, and the rest of the path. */
function locate(path: string, bound: readonly string[]): { frame: number; segments: Segment[] } {
  let frame = 0;
  let length = 0;
  bound.forEach((prefix, index) => {
    if (prefix.length > length && path.startsWith(prefix)) {
      frame = index + 1;
      length = prefix.length;
    }
  });
  return { frame, segments: segmentsOf(path.slice(length)) };
}

function compileGet(path: string, bound: readonly string[]): (environment: Environment) => unknown {
  const { frame, segments } = locate(path, bound);
  return (environment) => {
    let at = environment.frames[frame];
    for (const segment of segments) {
      if (!isNode(at)) return undefined;
      at = at[typeof segment === 'string' ? segment : environment.key];
    }
    return at;
  };
}

function compileAssign(path: string, bound: readonly string[]): (environment: Environment, value: unknown) => void {
  const { frame, segments } = locate(path, bound);
  return (environment, value) => {
    let at = environment.frames[frame];
    if (!isNode(at)) return;
    segments.forEach((segment, index) => {
      const key = typeof segment === 'string' ? segment : environment.key;
      if (!isNode(at)) return;
      if (index < segments.length - 1) at = isNode(at[key]) ? at[key] : (at[key] = {});
      else if (value === null) delete at[key];
      else at[key] = value;
    });
  };
}

const isEmptyValue = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (Array.isArray(value) ? value.length === 0 : isNode(value) && Object.keys(value).length === 0);

function compileCondition(
  condition: Condition,
  bound: readonly string[],
  context: StepContext,
): (environment: Environment) => boolean {
  const [operator] = Object.keys(condition);
  const operand = condition[operator ?? ''];
  const many = () => (operand as readonly Condition[]).map((one) => compileCondition(one, bound, context));
  const path = () => compileGet(String(operand), bound);
  switch (operator) {
    case 'unset': {
      const get = path();
      return (environment) => (get(environment) ?? undefined) === undefined;
    }
    case 'empty': {
      const get = path();
      return (environment) => isEmptyValue(get(environment));
    }
    case 'true': {
      const get = path();
      return (environment) => get(environment) === true;
    }
    case 'not': {
      const inner = compileCondition(operand as Condition, bound, context);
      return (environment) => !inner(environment);
    }
    case 'all': {
      const members = many();
      return (environment) => members.every((member) => member(environment));
    }
    case 'any': {
      const members = many();
      return (environment) => members.some((member) => member(environment));
    }
    case 'eq': {
      const [left, right] = operand as readonly [unknown, unknown];
      if (isNode(left)) {
        const get = compileGet(String(left['imageTag']), bound);
        return (environment) => imageTag(asText(get(environment))) === right;
      }
      const get = compileGet(String(left), bound);
      const isZero = right === 0 || right === false;
      return (environment) => {
        const value = get(environment) ?? undefined;
        return value === undefined ? isZero : value === right;
      };
    }
    case 'in':
    case 'notIn': {
      const [left, members] = operand as readonly [string, readonly unknown[]];
      const get = compileGet(left, bound);
      return (environment) => members.includes(get(environment) ?? '') === (operator === 'in');
    }
    case 'hasKey': {
      const [map, key] = operand as readonly [string, string];
      const get = compileGet(map, bound);
      return (environment) => {
        const value = get(environment);
        return isNode(value) && Object.hasOwn(value, key === 'key' ? environment.key : key);
      };
    }
    case 'noneSet':
      return (environment) => {
        const target = environment.frames.at(-1);
        return isNode(target) && Object.keys(target).every((key) => key === 'name' || isEmptyMember(target[key]));
      };
    case 'fn': {
      const predicate = context.predicates[String(operand)];
      if (predicate === undefined) throw new InvariantError(`no defaulting predicate ${String(operand)}`);
      return ({ frames }) => isNode(frames[0]) && predicate(frames[0]);
    }
    default:
      throw new InvariantError(`unknown defaulting condition ${operator ?? ''}`);
  }
}

const isEmptyMember = (value: unknown) => value === undefined || value === null;
