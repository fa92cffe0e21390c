// Makes the disk of a process bad for a while.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export class DiskFaults {
  readonly #library: string;
  readonly #folder: string;
  readonly #control: string;
  /** `folder`: the files that are concerned. `scratch` is kept apart from it. */
  constructor(scratch: string, folder: string) {
    this.#folder = folder;
    this.#control = path.join(scratch, 'faults');
    mkdirSync(this.#control, { recursive: true });
    this.#library = path.join(scratch, 'disk-faults.so');
    if (!existsSync(this.#library))
      execFileSync('cc', [
        '-O1',
        '-Wall',
        '-Werror',
        '-shared',
        '-fPIC',
        '-o',
        this.#library,
        path.join(import.meta.dirname, 'disk-faults.c'),
        '-ldl',
      ]);
  }
  /** Of the process that has this disk. */
  get environment(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, FAULT_FOLDER: this.#folder, FAULT_CONTROL: this.#control };
  }
  /** `full`: no room; `fail`: syncs fail; a number: milliseconds that each sync takes. */
  async during<T>(fault: 'full' | 'fail' | number, work: () => Promise<T>): Promise<T> {
    const file = path.join(this.#control, typeof fault === 'number' ? 'slow' : fault);
    writeFileSync(file, String(fault));
    try {
      return await work();
    } finally {
      rmSync(file);
    }
  }
}
