// What is ready in the same turn of the event loop goes on together. Answers: a write to a socket wakes the process that waits for it,
// on another processor, which costs more than everything else about a small answer; of several writes in a row only the first does.
// Requests: those that go through the same steps side by side find the code of each step in the processor's cache; one after the
// other, each finds that of the sockets. Nobody waits longer than for what the kernel had ready at the same time.
import { togetherInTurnMax } from '#base/limits.ts';

/** What each awaits before it goes on; all that await the same promise go on in their order, one right after the other. */
export function eventLoopTurns(whenRead: (go: () => void) => void = setImmediate): () => Promise<void> {
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
    if (++waiting === togetherInTurnMax) go();
    return mine;
  };
}
