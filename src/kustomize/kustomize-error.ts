// What is wrong with a kustomization: a text for its author, with the file, the field and the name in question.

export class KustomizeError extends Error {}

/** Puts the place before what `act` throws. */
export function within<T>(place: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw located(place, error);
  }
}

export async function withinAsync<T>(place: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw located(place, error);
  }
}

const located = (place: string, error: unknown): unknown =>
  error instanceof KustomizeError ? new KustomizeError(`${place}: ${error.message}`, { cause: error.cause }) : error;
