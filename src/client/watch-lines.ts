// Cuts the bytes of a watch into lines. Holds at most one unfinished line, of bounded length.

export class WatchLines {
  readonly #lineBytesMax: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }
  /** The lines that `bytes` completes. Throws when a line is too long. */
  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      const line = this.#take(bytes.subarray(start, end));
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < bytes.length) {
      // A copy: the network's buffer is used again.
      this.#pending.push(Buffer.from(bytes.subarray(start)));
      this.#pendingBytes += bytes.length - start;
      this.#check();
    }
    return lines;
  }
  #take(last: Uint8Array): string {
    if (this.#pendingBytes === 0) return Buffer.from(last.buffer, last.byteOffset, last.length).toString('utf8');
    this.#pending.push(last);
    this.#pendingBytes += last.length;
    this.#check();
    const line = Buffer.concat(this.#pending).toString('utf8');
    this.#pending = [];
    this.#pendingBytes = 0;
    return line;
  }
  #check(): void {
    if (this.#pendingBytes > this.#lineBytesMax)
      throw new Error(`a line of the watch is longer than ${this.#lineBytesMax} bytes`);
  }
}
