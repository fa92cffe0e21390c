// TOML, as configuration files of container tools are written; loaded at the first use.

/** Throws with the place when it is no TOML. */
export async function parseToml(text: string): Promise<Readonly<Record<string, unknown>>> {
  const { parse } = await import('smol-toml');
  return parse(text);
}
