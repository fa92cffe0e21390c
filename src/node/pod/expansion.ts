// $(NAME) references in commands, arguments and environment values. `$$` stands for `$`; a reference that is not defined
// stays as written (Kubernetes' documented rules).
import { ownValue } from '#base/own-value.ts';

export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (ownValue(values, name) ?? whole),
  );
}
