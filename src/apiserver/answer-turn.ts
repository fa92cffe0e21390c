// Answers that are ready in the same turn of the event loop go out together. A write to a socket wakes the process that waits for
// it, on another processor, which costs more than everything else about a small answer; of several writes in a row only the first
// does. Nobody waits longer for it than for the requests that the kernel had ready with theirs.
import { answersTogetherMax } from '#base/limits.ts';

/** What each answer awaits before it is written; all that await the same promise go on in their order, one right after the other. */
export function answerTurns(whenRead: (go: () => void) => void = setImmediate): () => Promise<void> {
  let turn: Promise<void> | undefined;
  let open: (() => void) | undefined;
  let waiting = 0;
  const go = (): void => {
    const opens = open;
    turn = undefined;
    open = undefined;
    waiting = 0;
    opens?.();
  };
  return () => {
    if (turn === undefined) {
      turn = new Promise((resolve) => {
        open = resolve;
      });
      whenRead(go);
    }
    const mine = turn;
    // With very many connections the first ones do not wait for the last.
    if (++waiting === answersTogetherMax) go();
    return mine;
  };
}
