// Runs the admission plugins in their order (admission/order.ts): first all that change, later all that only judge.
import type { AdmissionAttributes, Server } from '../context.ts';

export async function admitMutating(server: Server, attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of server.admission) {
    const pending = plugin.mutate?.(attributes, server);
    if (pending !== undefined) await pending;
  }
}

export async function admitValidating(server: Server, attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of server.admission) {
    const pending = plugin.validate?.(attributes, server);
    if (pending !== undefined) await pending;
  }
}

export function finish(attributes: AdmissionAttributes): void {
  for (const end of attributes.onFinished.splice(0)) end();
}
