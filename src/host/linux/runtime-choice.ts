// Which container runtime a cluster uses, for good: containers live in one runtime only, so a runtime that appears later must not
// be switched to without a word. Pure; the choice is written beside the data that it is about.

export interface RuntimeChoice {
  readonly kind: 'private' | 'host';
  /** Of the host's runtime. */
  readonly socketPath?: string | undefined;
}

export type RuntimeDecision =
  | { readonly use: 'private' }
  | { readonly use: 'host'; readonly socketPath: string }
  /** The runtime that holds this cluster's containers must answer first. */
  | { readonly use: 'wait'; readonly socketPath: string };

export function decideRuntime(
  /** Empty: not configured. */
  configured: string,
  recorded: RuntimeChoice | undefined,
  /** The host's runtimes that answer now, the preferred first. */
  answering: readonly string[],
): RuntimeDecision {
  const wanted = configured === '' ? (recorded?.kind === 'host' ? recorded.socketPath : undefined) : configured;
  if (wanted !== undefined) return { use: answering.includes(wanted) ? 'host' : 'wait', socketPath: wanted };
  const [first] = recorded === undefined ? answering : [];
  return first === undefined ? { use: 'private' } : { use: 'host', socketPath: first };
}

export function parseRuntimeChoice(text: string | undefined): RuntimeChoice | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
    if (value.kind === 'private') return { kind: 'private' };
    return value.kind === 'host' && 'socketPath' in value && typeof value.socketPath === 'string'
      ? { kind: 'host', socketPath: value.socketPath }
      : undefined;
  } catch {
    return undefined;
  }
}

export const renderRuntimeChoice = (decision: RuntimeDecision): string =>
  `${JSON.stringify(decision.use === 'private' ? { kind: 'private' } : { kind: 'host', socketPath: decision.socketPath })}\n`;
