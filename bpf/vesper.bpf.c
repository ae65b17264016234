/*
 * Counts the flows of an interface and hands over the packets that a dissector wants or that tell something of a TCP
 * connection; everything else is counted here and never leaves the kernel.
 *
 * A flow's unremarkable packets (the next segment in order, a bare acknowledgment, a datagram that nobody decodes) add to
 * its tally. Any other packet goes to the ring, with the tally as it was before it: the agent then knows the flow as if
 * it had seen every packet. What this program does not take apart itself (tunnels, fragments, extension headers) goes to
 * the ring whole and is counted there.
 *
 * Stable UAPI contexts only: one object for every little-endian Linux since 5.8.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "vesper.h"

char LICENSE[] SEC("license") = "Apache-2.0";

/*
 * Sizes of maps are set by the agent before the load. IPv4 has a map of its own: the longer the key, the longer the look-up.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1048576);
	__type(key, struct flow_key4);
	__type(value, struct flow);
} flows4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1048576);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16777216);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct statistics);
} statistics SEC(".maps");

/* In .bss, a map that is read without a look-up. */
struct settings settings;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct enough);
} enough SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct network);
	__type(value, __u8);
} networks SEC(".maps");

/* BPF_F_CLONE: an accepted socket has the owner of its listener. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct owner);
} owners SEC(".maps");

/* Names of processes whose first thread has made a socket: other threads have names of their own. */
struct process_name {
	char comm[16];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct process_name);
} names SEC(".maps");

/* Puts the record's layout into the object's type information, for the test that compares it with the agent's. */
const struct record *record_layout;

/* -1: whatever the next program, or the stack, makes of the packet. */
#define NEXT (-1)

/* What is handed over of one packet at most: as the packet socket's snap length (src/capture/af-packet.ts). */
#define SNAP 16384
/* What is handed over of the payload of a flow that looked like TLS before it is looked at as any other again. */
#define FOLLOW_LIMIT (128 * 1024)
/* Data segments of a flow in which a hello may begin (src/dissect/tls/tracker.ts), and those handed over in case they are
 * parts of a later one or a plaintext protocol is told by them: the first ones, and those from a gap on. A hello of 8 KiB,
 * as browsers with post-quantum shares and ECH send it, takes six. */
#define UNDECIDED_SEGMENTS 253
#define EARLY_SEGMENTS 2
#define GAP_SEGMENTS 8
/* Datagrams of a flow that look like QUIC or DTLS handshakes: RTP and others do all the time. Later ones have to be Initials. */
#define HANDSHAKE_DATAGRAMS 64
/* src/dissect/flow/duplicates.ts: TAKE_OVER_SECONDS. */
#define TAKE_OVER_NS 2000000000ULL
/* Packets of a tick (1 to 10 ms) from which on the clock is read for every eighth only. */
#define TIMED_IN_TICK 64
#define TIMED_THEN 8
/* src/dissect/flow/tcp-state.ts: MAX_WINDOW. */
#define MAX_WINDOW (1 << 30)

#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16

/* flow.state: for side 0; shifted left by one for side 1. */
#define SEQUENCE 1
#define ACKNOWLEDGED 4
#define FINISHED 16
/* for the flow */
#define RESET 64
#define ANNOUNCED 128

#define UNDECIDED 0
#define FOLLOWED 1
#define DONE 2

#define VLAN_TAG 4
#define IPPROTO_MPLS_IN_IP 137

struct packet {
	__u32 offset; /* of the IP header */
	__u32 payload_offset;
	__u32 payload;
	__u32 ip_length;
	__u32 segments;
	__u32 sequence;
	__u16 window;
	__u32 ports; /* source in the upper half */
	__u8 tcp_flags;
	__u8 side;
	__u8 protocol;
	bool layer3;
};

static __always_inline void count(const enum statistic statistic)
{
	const __u32 zero = 0;
	struct statistics *all = bpf_map_lookup_elem(&statistics, &zero);

	if (all)
		__sync_fetch_and_add(&all->counts[bpf_get_smp_processor_id() % PROCESSORS][statistic], 1);
}

static __always_inline struct owner *owner_of(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_sock *full;

	if (!sk)
		return NULL;
	full = bpf_sk_fullsock(sk);
	/* A SYN-ACK is sent by a half-open socket, which has no storage: its listener has. */
	if (!full)
		full = bpf_get_listener_sock(sk);
	return full ? bpf_sk_storage_get(&owners, full, NULL, 0) : NULL;
}

struct handover {
	struct flow *flow; /* NULL: not tracked */
	__u64 now;
	__u32 length;
	__u16 kind;
};

/* room: a constant, what the kernel reserves is. */
static __always_inline bool reserve(struct __sk_buff *skb, const struct handover *handover, const __u32 room)
{
	struct record *record = bpf_ringbuf_reserve(&ring, sizeof(*record) + room, 0);
	__u32 length = handover->length;
	struct owner *owner;
	__u32 tag = 0;

	if (!record)
		return false;
	record->time_ns = handover->now;
	record->ifindex = skb->ifindex;
	record->segment_size = skb->gso_size;
	record->unused = 0;
	record->kind = handover->kind;
	record->token = 0;
	if (handover->flow) {
		record->token = handover->flow->token;
		__builtin_memcpy(&record->tally, &handover->flow->tally, sizeof(record->tally));
	}
	owner = owner_of(skb);
	if (owner) {
		record->kind |= RECORD_OWNED;
		__builtin_memcpy(&record->owner, owner, sizeof(*owner));
	}
	if (skb->vlan_present && !(handover->kind & RECORD_IP)) {
		/* The card or the kernel took the tag out: put it back. */
		__u16 *at = (__u16 *)(record->data + 12);
		at[0] = skb->vlan_proto;
		at[1] = bpf_htons(skb->vlan_tci);
		tag = VLAN_TAG;
		bpf_skb_load_bytes(skb, 0, record->data, 12);
		length -= 12;
		if (length > room - 16)
			length = room - 16;
		if (length < 1)
			length = 1;
		bpf_skb_load_bytes(skb, 12, record->data + 16, length);
		length += 12;
	} else {
		if (length > room)
			length = room;
		if (length < 1)
			length = 1;
		bpf_skb_load_bytes(skb, 0, record->data, length);
	}
	record->captured = length + tag;
	record->wire_length = skb->len + tag;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return true;
}

static __noinline bool hand_over(struct __sk_buff *skb, struct handover *handover)
{
	__u32 needed = handover->length + VLAN_TAG;

	if (handover->length > skb->len)
		handover->length = skb->len;
	if (needed <= 128)
		return reserve(skb, handover, 128);
	if (needed <= 512)
		return reserve(skb, handover, 512);
	if (needed <= 2048)
		return reserve(skb, handover, 2048);
	return reserve(skb, handover, SNAP);
}

/* For the agent to take apart and to count. */
static __always_inline int untracked(struct __sk_buff *skb, const struct packet *packet, __u32 length)
{
	struct handover handover = {
		.now = bpf_ktime_get_ns(),
		.length = length,
		.kind = packet->layer3 ? RECORD_IP : 0,
	};

	if (!hand_over(skb, &handover))
		count(STAT_RING_FULL);
	return NEXT;
}

static __always_inline int whole(struct __sk_buff *skb, const struct packet *packet)
{
	return untracked(skb, packet, skb->len);
}

/* A TLS record with a handshake message, an SSLv2 hello, MySQL's SSLRequest, or a PROXY header if the connection begins with
 * it, as far as it goes. The agent looks more closely. */
static __always_inline bool may_begin_hello(struct __sk_buff *skb, const struct packet *packet, bool first)
{
	__u8 bytes[4] = { 0, 3, 1 };

	if (packet->payload >= sizeof(bytes)) {
		if (bpf_skb_load_bytes(skb, packet->payload_offset, bytes, sizeof(bytes)))
			return false;
	} else if (bpf_skb_load_bytes(skb, packet->payload_offset, bytes, 1))
		return false;
	if (bytes[0] == 0x16)
		return bytes[1] == 3;
	if (bytes[0] & 0x80)
		return bytes[2] == 1 || bytes[2] == 4;
	if (bytes[0] == 0x20)
		return bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 1;
	return first && ((bytes[0] == 'P' && bytes[1] == 'R' && bytes[2] == 'O' && bytes[3] == 'X') ||
			 (bytes[0] == '\r' && bytes[1] == '\n' && bytes[2] == '\r' && bytes[3] == '\n'));
}

/* Whether the payload of this TCP segment is wanted.
 * ahead: it leaves a gap in its sender's stream, in which a hello may begin. */
static __always_inline bool wants_segment(struct __sk_buff *skb, const struct packet *packet, struct flow *flow, bool ahead)
{
	const __u32 zero = 0;
	struct enough *told;

	if (packet->payload == 0 || flow->watch == DONE)
		return false;
	if (flow->watch == FOLLOWED) {
		told = bpf_map_lookup_elem(&enough, &zero);
		if (told && told->cells[flow->token & (CELLS - 1)] == flow->token) {
			flow->watch = DONE;
			return false;
		}
		flow->followed += packet->payload;
		if (flow->followed > FOLLOW_LIMIT)
			flow->watch = UNDECIDED;
		return true;
	}
	if (flow->data_segments >= UNDECIDED_SEGMENTS) {
		flow->watch = DONE;
		return false;
	}
	flow->data_segments++;
	if (ahead)
		flow->early = GAP_SEGMENTS;
	if (!may_begin_hello(skb, packet, flow->data_segments == 1)) {
		if (flow->data_segments <= EARLY_SEGMENTS)
			return true;
		if (!flow->early)
			return false;
		flow->early--;
		return true;
	}
	flow->watch = FOLLOWED;
	flow->token = bpf_get_prandom_u32() | 1;
	flow->followed = packet->payload;
	return true;
}

/* An Initial of QUIC version 1 or 2 (RFC 9000, section 17.2.2; RFC 9369, section 3): clients that have one socket for all
 * their connections begin another between the same ports again and again. */
static __always_inline bool is_initial(const __u8 *bytes)
{
	const __u32 version = (__u32)bytes[1] << 24 | bytes[2] << 16 | bytes[3] << 8 | bytes[4];

	return (version == 1 && bytes[0] >> 4 == 0xc) || (version == 0x6b3343cf && bytes[0] >> 4 == 0xd);
}

/* A QUIC long header (RFC 9000, section 17.2), or a DTLS record that is an alert or of a handshake (RFC 9147, section 4). */
static __always_inline bool wants_datagram(struct __sk_buff *skb, const struct packet *packet, struct flow *flow)
{
	/* A bound that the verifier sees: the payload of a datagram begins within Ethernet, two tags, IPv4 options, UDP. */
	const __u8 *payload = (void *)(long)skb->data + (packet->payload_offset & 255);
	__u8 bytes[5];

	if (packet->payload < 13 || flow->watch == DONE)
		return false;
	if ((void *)(payload + sizeof(bytes)) <= (void *)(long)skb->data_end)
		__builtin_memcpy(bytes, payload, sizeof(bytes));
	else if (bpf_skb_load_bytes(skb, packet->payload_offset, bytes, sizeof(bytes)))
		return false;
	if ((bytes[0] & 0x80) == 0 && !((bytes[0] == 21 || bytes[0] == 22) && (bytes[1] == 0xfe || bytes[1] == 1)))
		return false;
	if (flow->data_segments >= HANDSHAKE_DATAGRAMS)
		return is_initial(bytes);
	flow->data_segments++;
	return true;
}

/* Follows a TCP half; returns whether the agent has to see the segment. The same as trackSegment in
 * src/dissect/flow/tcp-state.ts would do without counting. */
static __always_inline bool track(const struct packet *packet, struct flow *flow)
{
	const __u8 side = packet->side & 1;
	const __u8 flags = packet->tcp_flags;
	const __u32 sequence = packet->sequence;
	const __u32 length = packet->payload + ((flags & SYN) ? 1 : 0) + ((flags & FIN) ? 1 : 0);
	const __u32 end = sequence + length;
	const __u8 over = flow->state & RESET || (flow->state & (FINISHED * 3)) == FINISHED * 3;
	bool seen = over || (flags & (FIN | SYN | RST));

	if ((flags & (SYN | ACK | RST)) == SYN &&
	    ((flow->state & (SEQUENCE << side)) ? flow->initial[side] != sequence : over)) {
		/* Another connection between the same ends. */
		flow->state &= ANNOUNCED;
		flow->watch = UNDECIDED;
		flow->data_segments = 0;
		flow->early = 0;
	}
	if (!(flags & SYN) && (flags & ACK) && !(flow->state & (ACKNOWLEDGED << side))) {
		seen = true;
		flow->state |= ACKNOWLEDGED << side;
	}
	if (packet->window == 0)
		seen = true;
	if (flags & FIN)
		flow->state |= FINISHED << side;
	if (flags & RST) {
		flow->state |= RESET;
		return true;
	}
	if (!(flow->state & (SEQUENCE << side))) {
		flow->state |= SEQUENCE << side;
		flow->initial[side] = (flags & SYN) ? sequence : sequence - 1;
		flow->expected[side] = end;
		return true;
	}
	if (flags & SYN) {
		if (flow->initial[side] != sequence && !(flow->state & (ACKNOWLEDGED * 3))) {
			flow->initial[side] = sequence;
			flow->expected[side] = end;
		}
		return true;
	}
	if (length == 0)
		return seen;
	if (sequence == flow->expected[side]) {
		flow->expected[side] = end;
		return seen;
	}
	__s32 ahead = (__s32)(sequence - flow->expected[side]);
	if (ahead > 0 || ahead < -MAX_WINDOW || ahead + (__s32)length > 0)
		flow->expected[side] = end;
	return true;
}

/*
 * Whether the clock has to be read for a packet that is only counted. A reading is a fifth of all that such a packet costs.
 * Of a direction with more than 64 packets a tick (with 250 ticks a second, 16,000 packets a second) seven of eight are
 * taken for as late as the eighth: evenly spaced, half a millisecond at most.
 */
static __always_inline bool is_timed(struct flow *flow, __u8 side)
{
	const __u32 tick = bpf_jiffies64();

	if (flow->tick[side] != tick) {
		flow->tick[side] = tick;
		flow->in_tick[side] = 0;
		return true;
	}
	const __u16 packets = ++flow->in_tick[side];
	return packets < TIMED_IN_TICK || packets % TIMED_THEN == 0;
}

static __always_inline struct flow *new_flow(void *map, const void *key)
{
	struct flow flow = {};

	flow.tally.id = bpf_get_prandom_u32() | 1;
	if (!settings.follow_tls)
		flow.watch = DONE;
	if (bpf_map_update_elem(map, key, &flow, BPF_NOEXIST) == 0 || bpf_map_lookup_elem(map, key))
		return bpf_map_lookup_elem(map, key);
	return NULL;
}

/* A TCP segment or a datagram whose flow is counted here. */
static __always_inline int tracked(struct __sk_buff *skb, const struct packet *packet, struct flow *flow)
{
	const __u8 side = packet->side & 1;
	bool see = false, payload;

	if (flow->ifindex[side] != skb->ifindex) {
		if (flow->ifindex[side] && bpf_ktime_get_ns() - flow->seen_ns[side] < TAKE_OVER_NS) {
			count(STAT_DUPLICATE);
			return NEXT;
		}
		flow->ifindex[side] = skb->ifindex;
	}

	if (packet->protocol == IPPROTO_TCP) {
		const __u32 usual = ANNOUNCED | (SEQUENCE | ACKNOWLEDGED) << side;

		/* Nearly every segment: what is below would find nothing to tell of it. */
		if ((flow->state & (usual | RESET | FINISHED * 3)) == usual &&
		    !(packet->tcp_flags & (FIN | SYN | RST)) && packet->window) {
			if (packet->payload == 0)
				goto unremarkable;
			if (flow->watch == DONE && packet->sequence == flow->expected[side]) {
				flow->expected[side] += packet->payload;
				goto unremarkable;
			}
		}
		const bool ahead = flow->state & (SEQUENCE << side) && (__s32)(packet->sequence - flow->expected[side]) > 0;

		see = track(packet, flow);
		payload = wants_segment(skb, packet, flow, ahead);
	} else {
		payload = wants_datagram(skb, packet, flow);
		if (!(flow->state & (SEQUENCE << side))) {
			flow->state |= SEQUENCE << side;
			see = true;
		}
	}
	if (see || payload || !(flow->state & ANNOUNCED)) {
		struct handover handover = { .flow = flow, .now = bpf_ktime_get_ns() };

		flow->seen_ns[side] = handover.now;
		handover.kind = RECORD_TRACKED;
		if (packet->layer3)
			handover.kind |= RECORD_IP;
		if (payload && flow->watch == FOLLOWED)
			handover.kind |= RECORD_FOLLOWED;
		handover.length = packet->payload_offset;
		if (payload)
			handover.length += packet->payload;
		if (hand_over(skb, &handover)) {
			flow->state |= ANNOUNCED;
			return NEXT;
		}
		count(STAT_UNSEEN);
	}
unremarkable:
	__sync_fetch_and_add(&flow->tally.sides[side].packets, packet->segments);
	__sync_fetch_and_add(&flow->tally.sides[side].bytes, packet->ip_length);
	if (packet->payload) {
		__sync_fetch_and_add(&flow->tally.sides[side].payload, packet->payload);
		flow->tally.expected[side] = flow->expected[side];
	}
	flow->tally.flags[side] |= packet->tcp_flags;
	if (is_timed(flow, side))
		flow->seen_ns[side] = flow->tally.last_ns[side] = bpf_ktime_get_ns();
	return NEXT;
}

/* As isAfter in src/dissect/flow/key.ts. */
static __always_inline bool is_after6(const __u32 *a, const __u32 *b, __u32 ports)
{
	for (int i = 0; i < 4; i++) {
		__u32 x = bpf_ntohl(a[i]), y = bpf_ntohl(b[i]);
		if (x != y)
			return x > y;
	}
	return ports >> 16 > (ports & 0xffff);
}

static __always_inline __u32 swapped(__u32 ports)
{
	return ports << 16 | ports >> 16;
}

static __always_inline bool is_after_ports(__u32 ports)
{
	return ports >> 16 > (ports & 0xffff);
}

static __always_inline struct flow *find4(struct packet *packet, __u32 source, __u32 destination)
{
	bool swap = source != destination ? source > destination : is_after_ports(packet->ports);
	struct flow_key4 key;
	struct flow *flow;

	packet->side = swap;
	key.address0 = swap ? destination : source;
	key.address1 = swap ? source : destination;
	key.ports = swap ? swapped(packet->ports) : packet->ports;
	key.protocol = 4 << 16 | packet->protocol;
	flow = bpf_map_lookup_elem(&flows4, &key);
	return flow ? flow : new_flow(&flows4, &key);
}

static __always_inline struct flow *find6(struct packet *packet, const __u32 *source, const __u32 *destination)
{
	bool swap = is_after6(source, destination, packet->ports);
	const __u32 *one = swap ? destination : source, *two = swap ? source : destination;
	struct flow_key key;
	struct flow *flow;

	packet->side = swap;
	key.address0 = bpf_ntohl(one[0]);
	key.address1 = bpf_ntohl(two[0]);
	for (int i = 0; i < 3; i++) {
		key.rest0[i] = bpf_ntohl(one[i + 1]);
		key.rest1[i] = bpf_ntohl(two[i + 1]);
	}
	key.ports = swap ? swapped(packet->ports) : packet->ports;
	key.protocol = 6 << 16 | packet->protocol;
	flow = bpf_map_lookup_elem(&flows6, &key);
	return flow ? flow : new_flow(&flows6, &key);
}

static __always_inline bool in_ignored_network(const __u32 *address)
{
	struct network network = { .prefix = 128 };

	__builtin_memcpy(network.address, address, 16);
	return bpf_map_lookup_elem(&networks, &network) != NULL;
}

static __always_inline bool in_ignored_network4(__u32 address)
{
	__u32 mapped[4] = { 0, 0, bpf_htonl(0xffff), address };

	return in_ignored_network(mapped);
}

/* Protocols in which the agent finds further packets. */
static __always_inline bool is_nested(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_GRE:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case IPPROTO_MPLS_IN_IP:
	case 139: /* HIP */
	case 140: /* Shim6 */
		return true;
	default:
		return false;
	}
}

/* Of an ICMP message: its header and the start of what it quotes. */
#define HEADERS_ONLY 124
/* All headers but rare ones. */
#define HEADERS 128

/*
 * Sees to it that the first `needed` bytes can be read in place. Nearly always they can: bringing them together copies
 * payload and costs a bulk transfer a seventh of its throughput.
 */
static __always_inline void gather(struct __sk_buff *skb, void **data, void **end, __u32 needed)
{
	if (*data + needed <= *end || skb->len <= *end - *data)
		return;
	bpf_skb_pull_data(skb, skb->len < HEADERS ? skb->len : HEADERS);
	*data = (void *)(long)skb->data;
	*end = (void *)(long)skb->data_end;
}

/* What is neither TCP nor UDP. */
static __always_inline int other(struct __sk_buff *skb, const struct packet *packet)
{
	if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6)
		return untracked(skb, packet, HEADERS_ONLY);
	if (is_nested(packet->protocol))
		return whole(skb, packet);
	count(STAT_PROTOCOL);
	return NEXT;
}

static __always_inline int watch(struct __sk_buff *skb, const bool layer3)
{
	struct packet packet = { .layer3 = layer3 };
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u16 type = skb->protocol;
	__u32 offset = 0, carried, stated, header, total;
	struct flow *flow;
	__u8 version;

	if (!layer3) {
		gather(skb, &data, &end, sizeof(struct ethhdr) + sizeof(struct iphdr));
		if (data + sizeof(struct ethhdr) > end)
			return whole(skb, &packet);
		type = *(__u16 *)(data + 12);
		offset = sizeof(struct ethhdr);
		for (int i = 0; i < 2; i++) {
			if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
				break;
			if (data + offset + VLAN_TAG > end)
				return whole(skb, &packet);
			type = *(__u16 *)(data + offset + 2);
			offset += VLAN_TAG;
		}
	}
	if (type == bpf_htons(ETH_P_IP)) {
		gather(skb, &data, &end, offset + sizeof(struct iphdr));
		struct iphdr *ip = data + offset;
		if ((void *)(ip + 1) > end)
			return whole(skb, &packet);
		const __u32 first = bpf_ntohl(*(__u32 *)ip);
		if (first >> 28 != 4 || (first >> 24 & 15) < 5)
			return whole(skb, &packet);
		if (settings.has_networks && (in_ignored_network4(ip->saddr) || in_ignored_network4(ip->daddr))) {
			count(STAT_NETWORK);
			return NEXT;
		}
		if (ip->frag_off & bpf_htons(0x3fff))
			return whole(skb, &packet);
		version = 4;
		header = (first >> 24 & 15) * 4;
		stated = first & 0xffff;
		packet.protocol = ip->protocol;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		gather(skb, &data, &end, offset + sizeof(struct ipv6hdr));
		struct ipv6hdr *ip = data + offset;
		if ((void *)(ip + 1) > end || ip->version != 6)
			return whole(skb, &packet);
		if (settings.has_networks &&
		    (in_ignored_network(ip->saddr.in6_u.u6_addr32) || in_ignored_network(ip->daddr.in6_u.u6_addr32))) {
			count(STAT_NETWORK);
			return NEXT;
		}
		version = 6;
		header = sizeof(*ip);
		stated = ip->payload_len ? bpf_ntohs(ip->payload_len) + sizeof(*ip) : 0;
		packet.protocol = ip->nexthdr;
	} else if (type == bpf_htons(ETH_P_ARP)) {
		count(STAT_NOT_IP);
		return NEXT;
	} else
		return whole(skb, &packet);

	carried = skb->len - offset;
	packet.ip_length = stated == 0 || stated > carried ? carried : stated;
	if (packet.protocol == IPPROTO_TCP) {
		gather(skb, &data, &end, offset + header + sizeof(struct tcphdr));
		struct tcphdr *tcp = data + offset + header;
		if ((void *)(tcp + 1) > end)
			return whole(skb, &packet);
		const __u32 ports = bpf_ntohl(*(__u32 *)tcp), rest = *((__u32 *)tcp + 3);
		total = header + (rest >> 4 & 15) * 4;
		if ((rest >> 4 & 15) < 5 || total > packet.ip_length)
			return whole(skb, &packet);
		packet.ports = ports;
		packet.sequence = bpf_ntohl(tcp->seq);
		packet.tcp_flags = rest >> 8;
		packet.window = rest >> 16;
		packet.payload = packet.ip_length - total;
	} else if (packet.protocol == IPPROTO_UDP) {
		gather(skb, &data, &end, offset + header + sizeof(struct udphdr));
		struct udphdr *udp = data + offset + header;
		if ((void *)(udp + 1) > end)
			return whole(skb, &packet);
		total = header + sizeof(*udp);
		__u32 length = bpf_ntohs(udp->len);
		if (total > packet.ip_length || (length < 8 && length != 0))
			return whole(skb, &packet);
		packet.ports = bpf_ntohl(*(__u32 *)udp);
		packet.payload = packet.ip_length - total;
		/* What lies between the UDP and the IP length is no payload. */
		if (length && length - 8 < packet.payload)
			packet.payload = length - 8;
	} else
		return other(skb, &packet);
	packet.payload_offset = offset + total;

	__u8 ports = settings.ports[packet.ports >> 16] | settings.ports[packet.ports & 0xffff];
	if (ports) {
		if (ports & PORT_IGNORED) {
			count(STAT_PORT);
			return NEXT;
		}
		/* All of it is wanted: there would be nothing to count here. */
		if (ports & PORT_DNS || (ports & PORT_TUNNEL && packet.protocol == IPPROTO_UDP))
			return whole(skb, &packet);
	}
	packet.segments = 1;
	if (packet.payload && skb->gso_size && packet.payload > skb->gso_size) {
		packet.segments = (packet.payload + skb->gso_size - 1) / skb->gso_size;
		packet.ip_length += (packet.segments - 1) * total;
	}
	if (version == 4) {
		struct iphdr *ip = data + offset;
		if ((void *)(ip + 1) > end)
			return NEXT;
		flow = find4(&packet, bpf_ntohl(ip->saddr), bpf_ntohl(ip->daddr));
	} else {
		struct ipv6hdr *ip = data + offset;
		if ((void *)(ip + 1) > end)
			return NEXT;
		flow = find6(&packet, ip->saddr.in6_u.u6_addr32, ip->daddr.in6_u.u6_addr32);
	}
	if (!flow) {
		count(STAT_MAP_FULL);
		return whole(skb, &packet);
	}
	return tracked(skb, &packet, flow);
}

SEC("tc")
int vesper_ethernet(struct __sk_buff *skb)
{
	return watch(skb, false);
}

/* Interfaces without a link header: tun, wireguard. */
SEC("tc")
int vesper_ip(struct __sk_buff *skb)
{
	return watch(skb, true);
}

/* Remembers who makes a socket. */
SEC("cgroup/sock_create")
int vesper_owner(struct bpf_sock *sk)
{
	struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (owner) {
		const __u64 both = bpf_get_current_pid_tgid();
		const __u32 process = both >> 32;
		struct process_name *known, name = {};

		owner->pid = process;
		owner->uid = (__u32)bpf_get_current_uid_gid();
		owner->cgroup = bpf_get_current_cgroup_id();
		bpf_get_current_comm(&name, sizeof(name));
		if (process == (__u32)both)
			bpf_map_update_elem(&names, &process, &name, BPF_ANY);
		else if ((known = bpf_map_lookup_elem(&names, &process)))
			name = *known;
		__builtin_memcpy(owner->comm, name.comm, sizeof(owner->comm));
	}
	return 1;
}
