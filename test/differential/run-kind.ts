// Runs the steps of a kind against one server, in their order.
import type { Json } from '#kit/start-api-server.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import { requestOf, type Request, type ServerUnderTest } from './servers.ts';
import type { Step } from './step.ts';

const conflictRetriesMax = 4;

export async function runSteps(
  server: ServerUnderTest,
  steps: readonly Step[],
  onRequest: (step: Step, request: Request) => void = () => {},
): Promise<ReadonlyMap<string, Outcome>> {
  const known = new Map<string, Json>();
  const outcomes = new Map<string, Outcome>();
  for (const step of steps) {
    const request = requestOf(step, known);
    onRequest(step, request);
    let answer = await server.send(request);
    for (let again = 0; step.retries === true && answer.code === 409 && again < conflictRetriesMax; again++) {
      if (step.readsAgain !== undefined) await readAgain(server, step.readsAgain, request.path, known);
      answer = await server.send(requestOf(step, known));
    }
    if (step.keep !== undefined) {
      const json = answer.code < 300 ? (JSON.parse(answer.text) as Json) : undefined;
      if (json !== undefined) known.set(step.keep, json);
    }
    if (step.silent !== true) outcomes.set(step.id, outcomeOf(step, answer));
  }
  return outcomes;
}

async function readAgain(server: ServerUnderTest, name: string, path: string, known: Map<string, Json>): Promise<void> {
  const step: Step = { id: '', method: 'GET', path: path.replace(/\?.*/, '') };
  const { code, text } = await server.send(requestOf(step, known));
  if (code === 200) known.set(name, JSON.parse(text) as Json);
}
