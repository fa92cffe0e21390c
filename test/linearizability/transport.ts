// How clients reach an API server: over a network (https-transport.ts) or in the same process (in-process-transport.ts).

/** Loosely typed JSON of an answer. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly json: Json;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly contentType?: string | undefined;
}

/** No answer came. */
export class NoAnswer extends Error {
  /** The request may have arrived. */
  readonly mayHaveArrived: boolean;
  constructor(mayHaveArrived: boolean, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.mayHaveArrived = mayHaveArrived;
  }
}

export interface OpenWatch {
  /** Resolves with the status when it is over: 200, or why there was none; 0: no answer. Never rejects. */
  readonly ended: Promise<number>;
  readonly close: () => void;
}

export interface Transport {
  /** Rejects with NoAnswer only. */
  ask(asked: Asked): Promise<Answer>;
  watch(path: string, onEvent: (event: { readonly type: string; readonly object: Json }) => void): OpenWatch;
  close(): void;
}
