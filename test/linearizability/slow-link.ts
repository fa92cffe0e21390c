// A way to a socket on which everything takes longer, in both directions; and which is cut for a while.
import { once } from 'node:events';
import net from 'node:net';

export class SlowLink {
  readonly #server: net.Server;
  readonly #open = new Set<net.Socket>();
  #isCut = false;
  private constructor(server: net.Server) {
    this.#server = server;
  }
  /** Listens on the socket `path`, and goes on to `target`. */
  static async listen(path: string, target: string, delayMs: number): Promise<SlowLink> {
    const server = net.createServer((near) => {
      near.on('error', () => {});
      if (link.#isCut) {
        near.destroy();
        return;
      }
      const far = net.connect(target);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        link.#open.add(from);
        from.on('data', (chunk) => void setTimeout(() => to.write(chunk), delayMs));
        from.on('error', () => {});
        from.on('close', () => {
          link.#open.delete(from);
          to.destroy();
        });
      }
    });
    const link = new SlowLink(server);
    server.listen(path);
    await once(server, 'listening');
    return link;
  }
  async whileCut(work: () => Promise<void>): Promise<void> {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy();
    await work();
    this.#isCut = false;
  }
  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}
