// How long a refused client should wait: doubled while refusals go on, taken back when they cease. As upstream: 1 to 32 seconds.

const secondsMax = 32;

export class RetryAfter {
  #seconds = 1;
  #raisedAt = 0;
  #second = 0;
  #count = 0;
  #history: { readonly second: number; readonly count: number }[] = [];

  get seconds(): number {
    return this.#seconds;
  }
  /** `nowSeconds`: whole seconds of any clock that does not jump. */
  onRefused(nowSeconds: number): void {
    if (nowSeconds === this.#second) {
      this.#count++;
      return;
    }
    this.#history.push({ second: this.#second, count: this.#count });
    const oldest = nowSeconds - Math.min(2 * this.#seconds, secondsMax);
    this.#history = this.#history.filter((one) => one.second >= oldest);
    this.#second = nowSeconds;
    this.#count = 1;
    const refused = this.#history.reduce(
      (sum, one) => (nowSeconds - one.second <= this.#seconds ? sum + one.count : sum),
      0,
    );
    if (refused >= 3 * this.#seconds && nowSeconds - this.#raisedAt >= this.#seconds) {
      this.#seconds = Math.min(secondsMax, this.#seconds * 2);
      this.#raisedAt = nowSeconds;
    } else if (refused < this.#seconds && this.#seconds > 1) this.#seconds--;
  }
}
