// Reads a configuration file's value strictly: what is missing, of a wrong type or unknown becomes a problem with its path, in
// upstream's words where it has some. Nothing is thrown until all of it was read.

export class ConfigurationProblems extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`);
    this.name = 'ConfigurationProblems';
    this.problems = problems;
  }
}

export class Reading {
  readonly problems: string[] = [];
  readonly #seen = new Map<object, Set<string>>();

  problem(path: string, text: string): void {
    this.problems.push(path === '' ? text : `${path}: ${text}`);
  }
  required(path: string, text = ''): void {
    this.problem(path, text === '' ? 'Required value' : `Required value: ${text}`);
  }
  invalid(path: string, value: unknown, text: string): void {
    this.problem(path, `Invalid value: ${JSON.stringify(value)}: ${text}`);
  }
  notSupported(path: string, value: string, supported: readonly string[]): void {
    const list = supported.map((one) => JSON.stringify(one)).join(', ');
    this.problem(path, `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`);
  }
  duplicate(path: string, value: unknown): void {
    this.problem(path, `Duplicate value: ${JSON.stringify(value)}`);
  }

  /** Every field that is read of it is known; `end` tells the others. */
  object(value: unknown, path: string): Fields | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) {
      this.invalid(path, value, 'must be an object');
      return undefined;
    }
    const known = new Set<string>();
    this.#seen.set(value, known);
    return new Fields(this, value as Record<string, unknown>, path, known);
  }
  /** Throws ConfigurationProblems when there are any. */
  end(): void {
    for (const [value, known] of this.#seen)
      for (const name of Object.keys(value))
        if (!known.has(name)) this.problem('', `strict decoding error: unknown field ${JSON.stringify(name)}`);
    if (this.problems.length > 0) throw new ConfigurationProblems(this.problems);
  }
}

export class Fields {
  readonly path: string;
  readonly #reading: Reading;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #known: Set<string>;
  constructor(reading: Reading, value: Readonly<Record<string, unknown>>, path: string, known: Set<string>) {
    this.#reading = reading;
    this.#value = value;
    this.path = path;
    this.#known = known;
  }
  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
  has(name: string): boolean {
    return this.#take(name) !== undefined;
  }
  /** '' when it is not there. */
  text(name: string): string {
    const value = this.#take(name) ?? '';
    if (typeof value === 'string') return value;
    this.#reading.invalid(this.at(name), value, 'must be a string');
    return '';
  }
  truth(name: string): boolean | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === 'boolean') return value;
    this.#reading.invalid(this.at(name), value, 'must be a boolean');
    return undefined;
  }
  texts(name: string): readonly string[] {
    return this.#list(name).filter((one, index) => {
      if (typeof one === 'string') return true;
      this.#reading.invalid(`${this.at(name)}[${index}]`, one, 'must be a string');
      return false;
    }) as string[];
  }
  object(name: string): Fields | undefined {
    return this.#reading.object(this.#take(name), this.at(name));
  }
  objects(name: string): readonly Fields[] {
    return this.#list(name).flatMap((one, index) => this.#reading.object(one, `${this.at(name)}[${index}]`) ?? []);
  }
  #take(name: string): unknown {
    this.#known.add(name);
    return this.#value[name] ?? undefined;
  }
  #list(name: string): readonly unknown[] {
    const value = this.#take(name) ?? [];
    if (Array.isArray(value)) return value;
    this.#reading.invalid(this.at(name), value, 'must be a list');
    return [];
  }
}

const durationForm = /^([-+]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ms|h|m|s))+$/;
const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Go's text, such as 1m30s, in milliseconds; undefined: it is none. */
export function durationMs(text: string): number | undefined {
  if (text === '' || text === '0') return 0;
  if (!durationForm.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ms|h|m|s)/g))
    sum += Number(amount) * unitMs[unit!]!;
  return text.startsWith('-') ? -sum : sum;
}
