// $(NAME) references in commands, arguments and environment values. `$$` stands for `$`; a reference that is not defined
// stays as written (Kubernetes' documented rules).
import { ownValue } from '#base/own-value.ts';

export function expand(text: string, values: Readonly<Record<string, string>>): string {
  // Behind the last parenthesis no reference ends; looked for at each `$(`, a long text would take for ever.
  const end = text.lastIndexOf(')') + 1;
  const expanded = text
    .slice(0, end)
    .replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
      name === undefined ? '$' : (ownValue(values, name) ?? whole),
    );
  return expanded + text.slice(end).replaceAll('$$', '$$');
}
