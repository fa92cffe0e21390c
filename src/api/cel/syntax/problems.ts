// What is wrong with an expression and where, printed as upstream prints it: clients and tests read it.

export interface Problem {
  /** Offset in code points. */
  readonly at: number;
  readonly message: string;
}

export class Source {
  readonly text: string;
  readonly points: readonly string[];
  readonly #lineStarts: number[] = [0];

  constructor(text: string) {
    this.text = text;
    this.points = Array.from(text);
    this.points.forEach((point, index) => {
      if (point === '\n') this.#lineStarts.push(index + 1);
    });
  }

  /** Line from 1, column from 0. */
  place(at: number): { line: number; column: number } {
    if (at < 0) return { line: -1, column: -1 };
    let line = this.#lineStarts.length - 1;
    while (line > 0 && this.#lineStarts[line]! > at) line--;
    return { line: line + 1, column: at - this.#lineStarts[line]! };
  }

  line(number: number): string | undefined {
    const start = this.#lineStarts[number - 1];
    if (start === undefined) return undefined;
    const next = this.#lineStarts[number];
    return this.points.slice(start, next === undefined ? undefined : next - 1).join('');
  }
}

const problemsMax = 100;
const snippetMax = 16_384;
const isWide = (point: string | undefined): boolean => point !== undefined && point.codePointAt(0)! > 0x7f;

export function printProblems(source: Source, problems: readonly Problem[]): string {
  const shown = problems.slice(0, problemsMax).toSorted((a, b) => {
    const [one, other] = [source.place(a.at), source.place(b.at)];
    return one.line - other.line || one.column - other.column;
  });
  const texts = shown.map((problem) => printProblem(source, problem));
  if (problems.length > problemsMax) texts.push(`${problems.length - problemsMax} more errors were truncated`);
  return texts.join('\n');
}

function printProblem(source: Source, { at, message }: Problem): string {
  const { line, column } = source.place(at);
  const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
  const snippet = source.line(line)?.replaceAll('\t', ' ');
  if (snippet === undefined || Buffer.byteLength(snippet) > snippetMax) return head;
  const points = Array.from(snippet);
  let marks = '';
  for (let index = 0; index < column && index < points.length; index++) marks += isWide(points[index]) ? '\uff0e' : '.';
  return `${head}\n | ${snippet}\n | ${marks}${isWide(points[column]) ? '\uff3e' : '^'}`;
}
