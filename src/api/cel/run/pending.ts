// What a host's function throws when its answer has to be waited for.

/** evaluateAsync waits for the promise and evaluates again, which must find the answer. */
export class Pending extends Error {
  readonly promise: Promise<unknown>;
  constructor(promise: Promise<unknown>) {
    super('the value is not there yet');
    this.promise = promise;
  }
}
