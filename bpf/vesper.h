/* What the kernel program and src/capture/ebpf-layout.ts share. A test compares the offsets of both. */
#ifndef VESPER_H
#define VESPER_H

#include <linux/types.h>

/* As src/dissect/flow/key.ts lays it out: the numerically lower address and port are side 0. Host byte order. */
struct flow_key {
	__u32 address0, address1;
	__u32 ports;
	__u32 protocol;
	__u32 rest0[3], rest1[3];
};

/* Of IPv4: the first words of the other. */
struct flow_key4 {
	__u32 address0, address1;
	__u32 ports;
	__u32 protocol;
};

struct side_counts {
	__u64 packets, bytes, payload;
};

/* What was counted here and not handed over. */
struct tally {
	struct side_counts sides[2];
	/* CLOCK_MONOTONIC of the last packet: is_timed in vesper.bpf.c. */
	__u64 last_ns[2];
	/* TCP sequence number after the last payload. */
	__u32 expected[2];
	__u32 id;
	__u8 flags[2];
	__u16 unused;
};

struct flow {
	struct tally tally;
	__u64 seen_ns[2];
	/* The kernel's tick in which the last packet came, and the packets of that tick. */
	__u32 tick[2];
	__u16 in_tick[2];
	/* Each direction belongs to one interface: see src/dissect/flow/duplicates.ts. */
	__u32 ifindex[2];
	/* The TCP halves as src/dissect/flow/tcp-state.ts follows them. */
	__u32 expected[2];
	__u32 initial[2];
	__u32 token;
	__u32 followed;
	__u8 data_segments;
	/* Further data segments to hand over after a gap. */
	__u8 early;
	__u8 state;
	__u8 watch;
};

struct owner {
	__u64 cgroup;
	__u32 pid;
	__u32 uid;
	char comm[16];
};

#define RECORD_TRACKED 1
#define RECORD_FOLLOWED 2
#define RECORD_IP 4
#define RECORD_OWNED 8

struct record {
	__u64 time_ns;
	__u32 wire_length;
	__u32 captured;
	__u32 ifindex;
	__u32 token;
	__u16 segment_size;
	__u16 kind;
	__u32 unused;
	struct owner owner;
	struct tally tally;
	__u8 data[];
};

enum statistic {
	STAT_RING_FULL,
	STAT_UNSEEN,
	STAT_MAP_FULL,
	STAT_NETWORK,
	STAT_PORT,
	STAT_PROTOCOL,
	STAT_NOT_IP,
	STAT_DUPLICATE,
	STATS,
};

/* Mapped by the agent: a cache line for each processor, from the 65th on shared. */
#define PROCESSORS 64
struct statistics {
	__u64 counts[PROCESSORS][STATS];
};

#define PORT_IGNORED 1
#define PORT_DNS 2
#define PORT_TUNNEL 4

/* Mapped by the agent, which changes it while the programs run. */
struct settings {
	__u32 has_networks;
	__u32 follow_tls;
	__u8 ports[65536];
};

/* A network as an IPv6 prefix; IPv4 is mapped (::ffff:0:0/96). */
struct network {
	__u32 prefix;
	__u32 address[4];
};

/* The agent writes the token of a flow whose payload it has seen enough of into the cell of its lower half. */
#define CELLS 65536
struct enough {
	__u32 cells[CELLS];
};

#endif
