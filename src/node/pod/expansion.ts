// $(NAME) references in commands, arguments and environment values. `$$` stands for `$`; a reference that is not defined
// stays as written (Kubernetes' documented rules).
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (values[name] ?? whole),
  );
}
