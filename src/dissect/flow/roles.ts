/**
 * Who is the client of a flow. In this order:
 *
 * 1. TCP: the sender of a SYN is the client, the sender of a SYN-ACK the server.
 * 2. ICMP: the sender of a request is the client, the sender of a reply the server (`icmp.ts`); of any other message
 *    the sender is the client.
 * 3. A multicast or limited-broadcast destination is the server.
 * 4. If one port is well known (below 1024, RFC 6335 §6) and the other is not, that end is the server.
 * 5. If one port is in `SERVICE_PORTS` and the other is not, that end is the server.
 * 6. The sender of the first packet is the client.
 *
 * Rules 3 to 6 are guesses about a connection whose beginning was not seen. A SYN or SYN-ACK seen later puts them
 * right, unless a record of the flow was already reported.
 */
import { IpProtocol, type Packet, TcpFlag } from '../net/packet.ts';
import { isIcmpReply } from './icmp.ts';

const FIRST_REGISTERED_PORT = 1024;

/** Registered ports on which servers usually listen and which no common system uses as ephemeral. */
const SERVICE_PORTS: ReadonlySet<number> = new Set([
  1194, // OpenVPN
  1433, // Microsoft SQL Server
  1521, // Oracle
  1883, // MQTT
  2049, // NFS
  3128, // web proxy
  3268, // LDAP global catalog
  3269, // the same over TLS
  3306, // MySQL
  3389, // RDP
  3478, // STUN
  4433, // TLS test servers
  4500, // IPsec NAT traversal
  5060, // SIP
  5061, // SIP over TLS
  5222, // XMPP client
  5269, // XMPP server
  5353, // mDNS
  5355, // LLMNR
  5432, // PostgreSQL
  5671, // AMQP over TLS
  5672, // AMQP
  5985, // WinRM
  5986, // WinRM over TLS
  6379, // Redis
  6443, // Kubernetes API
  8080, // web
  8443, // web over TLS
  8883, // MQTT over TLS
  9092, // Kafka
  9200, // Elasticsearch
  11211, // memcached
  27017, // MongoDB
]);

export type Sender = 'client' | 'server';

/** The role that a SYN or SYN-ACK gives its sender; undefined for any other segment. */
export function senderByHandshake(tcpFlags: number): Sender | undefined {
  if ((tcpFlags & TcpFlag.syn) === 0 || (tcpFlags & TcpFlag.rst) !== 0) return undefined;
  return (tcpFlags & TcpFlag.ack) === 0 ? 'client' : 'server';
}

/** The role of the sender of a flow's first packet where no handshake tells. */
export function guessSender(packet: Packet): Sender {
  const { protocol, sourcePort, destinationPort } = packet;
  if (protocol === IpProtocol.icmp || protocol === IpProtocol.icmpv6) {
    return isIcmpReply(protocol, packet.icmpType) ? 'server' : 'client';
  }
  if (hasGroupDestination(packet)) return 'client';
  const wellKnown = sourcePort < FIRST_REGISTERED_PORT;
  if (wellKnown !== destinationPort < FIRST_REGISTERED_PORT) return wellKnown ? 'server' : 'client';
  const service = SERVICE_PORTS.has(sourcePort);
  if (service !== SERVICE_PORTS.has(destinationPort)) return service ? 'server' : 'client';
  return 'client';
}

/** Multicast (RFC 5771, RFC 4291 §2.7) or limited broadcast (RFC 919 §7). */
function hasGroupDestination(packet: Packet): boolean {
  const word = packet.destination0;
  if (packet.ipVersion === 6) return word >>> 24 === 0xff;
  return word >>> 28 === 0xe || word === 0xffffffff;
}
