// Who wants to hear of changes of single containers and sandboxes, by their ids.
export class RuntimeListeners {
  readonly #listeners = new Map<string, Set<() => void>>();

  add(id: string, listener: () => void): Disposable {
    let ofId = this.#listeners.get(id);
    if (ofId === undefined) this.#listeners.set(id, (ofId = new Set()));
    ofId.add(listener);
    return {
      [Symbol.dispose]: () => {
        ofId.delete(listener);
        if (ofId.size === 0) this.#listeners.delete(id);
      },
    };
  }

  tell(id: string): void {
    for (const listener of this.#listeners.get(id) ?? []) listener();
  }
}
