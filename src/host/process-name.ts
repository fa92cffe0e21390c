// The name under which ps, top and pgrep show this process: Node names its main thread after itself.
import { writeFileSync } from 'node:fs';

/** At most 15 bytes, as the kernel keeps (proc_pid_comm(5)). Where /proc is not writable the name stays. */
export function nameThisProcess(name: string): void {
  try {
    writeFileSync('/proc/self/comm', name);
  } catch {
    // Only a name: nothing depends on it.
  }
}
