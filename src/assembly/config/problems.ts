// What is wrong with a configuration: all of it at once, each with the key, the value, where it came from, and the remedy.
import { OperatorError } from '#base/errors.ts';

export interface ConfigurationProblem {
  /** Empty: a file as a whole. */
  readonly key: string;
  readonly source: string;
  readonly message: string;
  readonly remedy: string;
}

export class ConfigurationError extends OperatorError {
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    const [first] = problems;
    super(
      problems.length === 1 && first !== undefined
        ? first.message
        : `The configuration has ${problems.length} mistakes:\n${problems.map((one) => `  - ${one.message}\n    ${one.remedy}`).join('\n')}`,
      problems.length === 1 && first !== undefined
        ? first.remedy
        : 'Nothing was changed. `microshift show-config -m default` prints a complete file.',
    );
    this.problems = problems;
  }
}
