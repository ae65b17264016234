/**
 * Every server and client with the TLS that they really used: the inventory of cryptography in use that PCI DSS 4.0.1
 * §12.3.3 asks for. Bounded: what a limit leaves out is counted, and the inventory says so.
 */
import { parseIp } from '../dissect/net/address.ts';
import type { CertificateFacts, Observation, ServerAddress } from './observation.ts';
import { Counts, Usage } from './usage.ts';

/** Servers (address and port) and clients, each: a large network; what a scan makes up beyond is counted. About 3 KB each. */
export const MAX_ENDPOINTS = 16_384;

/** Names that clients asked one server for: a shared host has dozens, a content network thousands. */
const MAX_NAMES = 64;

/** Certificates of one server: one, another for each kind of key, and their successors. */
const MAX_CERTIFICATES = 16;

export class ServerEntry {
  readonly address: ServerAddress;
  readonly usage = new Usage();
  readonly names = new Counts(MAX_NAMES);
  /** By their SHA-256. */
  readonly certificates = new Map<string, CertificateFacts>();
  moreCertificates = 0;

  constructor(address: ServerAddress) {
    this.address = address;
  }
}

export interface ClientEntry {
  readonly ip: string;
  readonly usage: Usage;
}

export class Inventory {
  readonly #servers = new Map<string, ServerEntry>();
  readonly #clients = new Map<string, ClientEntry>();
  readonly total = new Usage();
  /** Handshakes and certificates of servers, and handshakes of clients, for which there was no room. */
  readonly leftOut = { servers: 0, clients: 0 };

  handshake(observation: Observation): void {
    this.total.add(observation);
    const server = this.#server(observation.server);
    if (server === undefined) this.leftOut.servers++;
    else {
      server.usage.add(observation);
      server.names.add(observation.serverName);
    }
    const client = this.#client(observation.client);
    if (client === undefined) this.leftOut.clients++;
    else client.usage.add(observation);
  }

  certificate(address: ServerAddress, certificate: CertificateFacts): void {
    const server = this.#server(address);
    if (server === undefined) this.leftOut.servers++;
    else if (server.certificates.has(certificate.sha256)) return;
    else if (server.certificates.size < MAX_CERTIFICATES) server.certificates.set(certificate.sha256, certificate);
    else server.moreCertificates++;
  }

  /** By address and port. */
  servers(): ServerEntry[] {
    return [...this.#servers.values()].sort(
      (a, b) => compareAddresses(a.address.ip, b.address.ip) || a.address.port - b.address.port,
    );
  }

  /** By address. */
  clients(): ClientEntry[] {
    return [...this.#clients.values()].sort((a, b) => compareAddresses(a.ip, b.ip));
  }

  #server(address: ServerAddress): ServerEntry | undefined {
    const key = `${address.ip} ${address.port}`;
    let server = this.#servers.get(key);
    if (server === undefined && this.#servers.size < MAX_ENDPOINTS) {
      server = new ServerEntry(address);
      this.#servers.set(key, server);
    }
    return server;
  }

  #client(ip: string): ClientEntry | undefined {
    let client = this.#clients.get(ip);
    if (client === undefined && this.#clients.size < MAX_ENDPOINTS) {
      client = { ip, usage: new Usage() };
      this.#clients.set(ip, client);
    }
    return client;
  }
}

/** IPv4 before IPv6, each by number; what is no address comes last. */
function compareAddresses(a: string, b: string): number {
  const left = parseIp(a);
  const right = parseIp(b);
  if (left === undefined || right === undefined) return Number(!left) - Number(!right) || (a < b ? -1 : Number(a > b));
  if (left.version !== right.version) return left.version - right.version;
  for (let i = 0; i < left.words.length; i++) {
    const difference = ((left.words[i] ?? 0) >>> 0) - ((right.words[i] ?? 0) >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
