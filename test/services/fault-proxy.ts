/** Stands in front of a real HTTP server of this machine and does what networks and busy servers do. */
import { once } from 'node:events';
import {
  createServer,
  type Server as HttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** An answer without asking the server. */
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: Buffer | string }
  /** No answer, ever. */
  | 'hang'
  /** The connection breaks before the server sees the request. */
  | 'reset'
  /** The server takes the request, and its answer is lost. */
  | 'lost answer';

export class FaultProxy {
  /** Of the next requests, one each; then everything passes. */
  readonly faults: Fault[] = [];
  /** Of the last request. */
  headers: IncomingHttpHeaders = {};
  /** How many came. */
  requests = 0;
  /** So long each answer of the server is held. */
  delayMs = 0;
  readonly port: number;
  private readonly server: HttpServer;

  static async start(target: number): Promise<FaultProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, target);
  }

  private constructor(server: HttpServer, target: number) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
      this.headers = incoming.headers;
      this.requests++;
      const fault = this.faults.shift();
      if (fault === 'hang') return;
      if (fault === 'reset') incoming.socket.resetAndDestroy();
      else if (typeof fault === 'object') {
        incoming.resume();
        incoming.on('end', () => outgoing.writeHead(fault.status, fault.headers).end(fault.body));
      } else this.pass(target, incoming, outgoing, fault);
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private pass(target: number, incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
    const { method, url, headers } = incoming;
    const onward = request(
      { host: '127.0.0.1', port: target, ...(method && { method }), ...(url && { path: url }), headers },
      (answer) => {
        if (fault === 'lost answer') incoming.socket.resetAndDestroy();
        else
          setTimeout(() => {
            outgoing.writeHead(answer.statusCode as number, answer.headers);
            answer.pipe(outgoing);
          }, this.delayMs);
      },
    );
    onward.on('error', () => incoming.socket.resetAndDestroy());
    incoming.pipe(onward);
  }
}
