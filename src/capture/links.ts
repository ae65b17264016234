/** The network interfaces of this network namespace, and when they or their addresses change (rtnetlink(7)). */
import {
  AF_NETLINK,
  bind,
  check,
  close,
  lastError,
  MSG_DONTWAIT,
  recv,
  SOCK_CLOEXEC,
  SOCK_RAW,
  send,
  socket,
} from './ffi/libc.ts';

/** ARPHRD_ types (linux/if_arp.h) that can be captured. */
export const Hardware = {
  ethernet: 1,
  ppp: 512,
  ipip: 768,
  ip6tnl: 769,
  loopback: 772,
  sit: 776,
  /** tun, wireguard. */
  none: 65534,
} as const;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** ARPHRD_ type. */
  readonly hardware: number;
  readonly up: boolean;
}

const NETLINK_ROUTE = 0;
/** RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR. */
const CHANGES = 0x1 | 0x10 | 0x100;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
/** NLM_F_REQUEST and NLM_F_DUMP. */
const DUMP_REQUEST = 0x301;
const IFLA_IFNAME = 3;
const IFF_UP = 1;
/** The kernel's own largest dump message is 32 KiB. */
const BUFFER_SIZE = 64 * 1024;

export class Links {
  private readonly socket: number;
  private readonly buffer = Buffer.alloc(BUFFER_SIZE);
  private isOpen = true;

  /** Throws `SystemCallError` where there is no rtnetlink. */
  constructor() {
    this.socket = open(CHANGES);
  }

  /** Whether an interface or an address came, went or changed since the last call. Never waits. */
  changed(): boolean {
    let changed = false;
    for (;;) {
      const got = recv(this.socket, this.buffer, BUFFER_SIZE, MSG_DONTWAIT);
      // More changes than the socket holds: some were not told.
      if (got <= 0 && lastError() !== 'ENOBUFS') return changed;
      changed = true;
    }
  }

  list(): Link[] {
    const links: Link[] = [];
    const dump = open(0);
    try {
      const request = Buffer.alloc(32);
      request.writeUInt32LE(request.length, 0);
      request.writeUInt16LE(RTM_GETLINK, 4);
      request.writeUInt16LE(DUMP_REQUEST, 6);
      check(send(dump, request, request.length, 0), 'RTM_GETLINK');
      while (readLinks(this.buffer, check(recv(dump, this.buffer, BUFFER_SIZE, 0), 'RTM_GETLINK'), links));
    } finally {
      close(dump);
    }
    return links;
  }

  close(): void {
    if (this.isOpen) close(this.socket);
    this.isOpen = false;
  }
}

function open(groups: number): number {
  const fd = check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), 'rtnetlink socket');
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(groups, 8);
  check(bind(fd, address, address.length), 'rtnetlink bind');
  return fd;
}

/** Adds the links of one datagram; returns whether more datagrams follow. */
function readLinks(buffer: Buffer, length: number, links: Link[]): boolean {
  for (let at = 0; at + 16 <= length; ) {
    const messageLength = buffer.readUInt32LE(at);
    const type = buffer.readUInt16LE(at + 4);
    if (type === NLMSG_DONE || type === NLMSG_ERROR || messageLength < 16) return false;
    if (type === RTM_NEWLINK) links.push(readLink(buffer, at + 16, Math.min(at + messageLength, length)));
    at += (messageLength + 3) & ~3;
  }
  return length > 0;
}

/** `struct ifinfomsg` and its attributes. */
function readLink(buffer: Buffer, at: number, end: number): Link {
  let name = '';
  for (let attribute = at + 16; attribute + 4 <= end; ) {
    const length = buffer.readUInt16LE(attribute);
    if (length < 4) break;
    if (buffer.readUInt16LE(attribute + 2) === IFLA_IFNAME) {
      name = buffer.toString('utf8', attribute + 4, attribute + length - 1);
    }
    attribute += (length + 3) & ~3;
  }
  return {
    index: buffer.readInt32LE(at + 4),
    name,
    hardware: buffer.readUInt16LE(at + 2),
    up: (buffer.readUInt32LE(at + 8) & IFF_UP) !== 0,
  };
}
