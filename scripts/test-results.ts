// What a run of Node's test runner printed: how many tests passed, and which did not run at all. A skipped test is a failure of the
// check unless it is listed here with its reason: nothing stops being tested without somebody saying so.

/** Name of the test, and on which machines it cannot run. */
export const mayBeSkipped: ReadonlyMap<string, string> = new Map([
  ['cgroups of Pods and classes are limited', 'reads files of cgroup v1: hosts with v2 have others'],
]);

const words = { pass: 'passed', fail: 'failed', cancelled: 'failed', skipped: 'skipped', todo: 'skipped' } as const;

export class TestResults {
  readonly counts = { passed: 0, failed: 0, skipped: 0 };
  /** Names of tests that were skipped, or marked as to be done, and are not on the list. */
  readonly unexplained: string[] = [];
  /** Where tests failed, as the runner names the file. */
  readonly failedIn = new Set<string>();
  #named = 0;

  /** A line of the runner's `spec` report, which it writes where no terminal reads it. */
  read(line: string): void {
    const sum = /^ℹ (pass|fail|cancelled|skipped|todo) (\d+)$/.exec(line);
    if (sum !== null) {
      this.counts[words[sum[1] as keyof typeof words]] += Number(sum[2]);
      return;
    }
    const failure = /^\s*test at (.+):\d+:\d+$/.exec(line);
    if (failure !== null) this.failedIn.add(failure[1]!);
    const skipped = /^\s*(?:﹣ (.*?) \([\d.]+ms\) # .*|[✔✖] (.*?) \([\d.]+ms\) # TODO)$/.exec(line);
    if (skipped === null) return;
    this.#named++;
    const name = (skipped[1] ?? skipped[2])!;
    if (!mayBeSkipped.has(name)) this.unexplained.push(name);
  }

  /** Counts another run too. */
  add(run: TestResults): void {
    for (const key of ['passed', 'failed', 'skipped'] as const) this.counts[key] += run.counts[key];
    this.unexplained.push(...run.unexplained);
    this.#named += run.#named;
  }

  /** What is wrong with a run in which nothing failed. */
  complaints(): readonly string[] {
    const unnamed = this.counts.skipped - this.#named;
    return [
      ...this.unexplained.map((name) => `skipped, and not in scripts/test-results.ts: ${name}`),
      ...(unnamed > 0 ? [`${unnamed} tests were skipped and not named`] : []),
    ];
  }
}
