// Origins of pages in browsers that may use the API, from the operator's regular expressions.
import { OperatorError } from '#base/errors.ts';

/** Undefined: none. */
export async function allowedOrigins(
  expressions: readonly string[],
): Promise<((origin: string) => boolean) | undefined> {
  if (expressions.length === 0) return undefined;
  const { compilePattern, loadRegularExpressions } = await import('#api/custom/regular-expressions.ts');
  await loadRegularExpressions();
  const patterns = expressions.map((expression) => {
    const pattern = compilePattern(expression);
    if (typeof pattern === 'string')
      throw new OperatorError(
        `apiServer.corsAllowedOrigins holds ${JSON.stringify(expression)}, which is no regular expression: ${pattern}.`,
        String.raw`Write expressions of RE2 such as //example\.com(:|$).`,
      );
    return pattern;
  });
  return (origin) => patterns.some((pattern) => pattern.matches(origin));
}
