/** An HTTP server that takes lines (and answers as Splunk does), and now and then does not: what senders meet in years. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Behavior = 'take' | 'refuse' | 'hang' | 'reset' | 'take and reset';

export class UnreliableServer {
  /** The lines of each request that was taken, whether its sender has heard of it or not. */
  readonly taken: string[] = [];
  behavior: () => Behavior = () => 'take';
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('error', () => {});
      request.on('end', () => {
        const behavior = this.behavior();
        if (behavior === 'take' || behavior === 'take and reset') {
          this.taken.push(...Buffer.concat(parts).toString().trimEnd().split('\n'));
        }
        if (behavior === 'take') response.end('{"text":"Success","code":0}');
        else if (behavior === 'refuse') response.writeHead(503).end();
        else if (behavior !== 'hang') request.socket.destroy();
      });
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
