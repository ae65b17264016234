import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseLinks, InterfaceWatch, unmatched } from '../../src/capture/interfaces.ts';
import { Hardware, type Link, type Links } from '../../src/capture/links.ts';
import { packetFilter } from '../../src/capture/packet-filter.ts';

const link = (index: number, name: string, hardware: number = Hardware.ethernet, up = true): Link => ({
  index,
  name,
  hardware,
  up,
});
const LO = link(1, 'lo', Hardware.loopback);
const ETH0 = link(2, 'eth0');
const WG0 = link(3, 'wg0', Hardware.none);
const ALL = [LO, ETH0, WG0, link(4, 'eth1', Hardware.ethernet, false), link(5, 'can0', 280)];

const names = (links: readonly Link[]): string[] => links.map(({ name }) => name);

describe('the interfaces of a capture', () => {
  it('auto is all that are up and can be captured, but loopback', () => {
    assert.deepEqual(names(chooseLinks(ALL, ['auto'])), ['eth0', 'wg0']);
  });

  it('names and globs; loopback on request', () => {
    assert.deepEqual(names(chooseLinks(ALL, ['auto', 'lo'])), ['lo', 'eth0', 'wg0']);
    assert.deepEqual(names(chooseLinks(ALL, ['eth*'])), ['eth0']);
    assert.deepEqual(names(chooseLinks(ALL, ['?g0'])), ['wg0']);
    assert.deepEqual(names(chooseLinks([link(6, 'ethx0')], ['eth.0'])), []);
  });

  it('tells what no interface matches, up or down', () => {
    assert.deepEqual(unmatched(ALL, ['auto', 'eth1', 'ens*']), ['ens*']);
  });

  it('attaches to what comes and detaches from what goes, and remembers the names', () => {
    let current = [ETH0];
    const calls: string[] = [];
    const links = { changed: () => true, list: () => current } as unknown as Links;
    const watch = new InterfaceWatch(links, ['auto'], {
      attach: ({ name }) => calls.push(`+${name}`),
      detach: ({ name }) => calls.push(`-${name}`),
    });
    watch.start(assert.fail);
    current = [ETH0, WG0];
    watch.poll();
    current = [WG0];
    watch.poll();
    assert.deepEqual(calls, ['+eth0', '+wg0', '-eth0']);
    assert.equal(watch.name(2), 'eth0');
    current = [{ ...WG0, name: 'wg-new' }];
    watch.poll();
    assert.equal(watch.name(WG0.index), 'wg-new');
    current = [];
    watch.poll();
    assert.deepEqual(calls.slice(3), ['-wg-new']);
  });

  it('forgets names of interfaces that are long gone', () => {
    let current: Link[] = [];
    const links = { changed: () => true, list: () => current } as unknown as Links;
    const watch = new InterfaceWatch(links, ['auto'], { attach: () => {}, detach: () => {} });
    watch.start(assert.fail);
    for (let index = 10; index < 5010; index++) {
      current = [ETH0, link(index, `veth${index}`)];
      watch.poll();
    }
    assert.equal(watch.name(10), undefined);
    assert.equal(watch.name(5009), 'veth5009');
    assert.equal(watch.name(ETH0.index), 'eth0');
  });
});

describe('the filter of the packet socket', () => {
  interface Seen {
    readonly ifindex: number;
    readonly packetType?: number;
    readonly bytes?: Buffer;
    readonly length?: number;
  }

  /** What the kernel's interpreter of classic BPF returns (Documentation/networking/filter.rst). */
  function accepts(
    program: Buffer,
    { ifindex, packetType = 0, bytes = Buffer.alloc(60), length = bytes.length }: Seen,
  ) {
    let a = 0;
    let x = 0;
    for (let pc = 0; ; pc++) {
      const at = pc * 8;
      const k = program.readUInt32LE(at + 4);
      const jump = (yes: boolean): void => {
        pc += program.readUInt8(at + (yes ? 2 : 3));
      };
      const code = program.readUInt16LE(at);
      if (code === 0x20) a = k === 0xfffff008 ? ifindex : packetType;
      else if (code === 0x28) a = bytes.readUInt16BE(k);
      else if (code === 0x30) a = bytes.readUInt8(k);
      else if (code === 0x80) a = length;
      else if (code === 0x48) a = bytes.readUInt16BE(x + k);
      else if (code === 0x50) a = bytes.readUInt8(x + k);
      else if (code === 0xb1) x = 4 * (bytes.readUInt8(k) & 15);
      else if (code === 0x01) x = k;
      else if (code === 0x07) x = a;
      else if (code === 0x0c) a += x;
      else if (code === 0x74) a >>>= k;
      else if (code === 0x54) a &= k;
      else if (code === 0x05) pc += k;
      else if (code === 0x15) jump(a === k);
      else if (code === 0x25) jump(a > k);
      else if (code === 0x45) jump((a & k) !== 0);
      else {
        assert.equal(code, 0x06);
        return k;
      }
    }
  }

  const SNAP = 1500;
  const program = packetFilter({ links: [ETH0, LO, WG0], snapLength: SNAP, dnsPorts: [53, 5300] });
  const OUTGOING = 4;

  it('lets the chosen interfaces pass, both ways', () => {
    assert.equal(accepts(program, { ifindex: 2 }), SNAP);
    assert.equal(accepts(program, { ifindex: 3, packetType: OUTGOING }), SNAP);
    assert.equal(accepts(program, { ifindex: 9 }), 0);
  });

  it('takes a loopback packet once', () => {
    assert.equal(accepts(program, { ifindex: 1 }), SNAP);
    assert.equal(accepts(program, { ifindex: 1, packetType: OUTGOING }), 0);
  });

  describe('of segments that offloading has made of many', () => {
    const large = 40_000;

    interface Segment {
      readonly version?: 4 | 6;
      readonly ipOptions?: number;
      readonly tcpOptions?: number;
      readonly protocol?: number;
      readonly fragment?: number;
      readonly ports?: readonly [number, number];
      readonly payload?: number;
    }

    function segment(of: Segment = {}): Buffer {
      const { version = 4, ipOptions = 0, tcpOptions = 12, protocol = 6, fragment = 0 } = of;
      const ip = Buffer.alloc(version === 4 ? 20 + ipOptions : 40);
      ip[0] = version === 4 ? 0x40 | (ip.length / 4) : 0x60;
      if (version === 4) ip.writeUInt16BE(fragment, 6);
      ip[version === 4 ? 9 : 6] = protocol;
      const tcp = Buffer.alloc(20 + tcpOptions);
      const [source, destination] = of.ports ?? [40_000, 443];
      tcp.writeUInt16BE(source, 0);
      tcp.writeUInt16BE(destination, 2);
      tcp[12] = (tcp.length / 4) << 4;
      const ethernet = Buffer.alloc(14);
      ethernet.writeUInt16BE(version === 4 ? 0x0800 : 0x86dd, 12);
      return Buffer.concat([ethernet, ip, tcp, Buffer.alloc(100, of.payload ?? 0x17)]);
    }

    const kept = (of?: Segment, length = large): number => accepts(program, { ifindex: 2, bytes: segment(of), length });

    it('passes the headers of a bulk transfer alone', () => {
      for (const of of [{}, { version: 6 }, { ipOptions: 40 }, { tcpOptions: 40 }, { tcpOptions: 0 }] as const)
        assert.equal(kept(of), 14 + 60 + 60, JSON.stringify(of));
    });

    it('passes what may begin a TLS handshake, whatever the headers are long', () => {
      for (const of of [{}, { version: 6 }, { ipOptions: 40, tcpOptions: 40 }] as const)
        assert.equal(kept({ ...of, payload: 22 }), SNAP, JSON.stringify(of));
    });

    it('passes DNS, either way, also of configured ports', () => {
      for (const ports of [
        [53, 4000],
        [4000, 53],
        [5300, 4000],
        [4000, 5300],
      ] as const)
        for (const version of [4, 6] as const) assert.equal(kept({ ports, version }), SNAP);
    });

    it('passes fragments, other protocols and ordinary segments', () => {
      assert.equal(kept({ fragment: 0x2000 }), SNAP);
      assert.equal(kept({ fragment: 1 }), SNAP);
      assert.equal(kept({ fragment: 0x4000 }), 14 + 60 + 60, "don't fragment");
      for (const version of [4, 6] as const) assert.equal(kept({ protocol: 17, version }), SNAP);
      assert.equal(kept({}, SNAP), SNAP);
      const tagged = segment();
      tagged.writeUInt16BE(0x8100, 12);
      assert.equal(accepts(program, { ifindex: 2, bytes: tagged, length: large }), SNAP);
    });

    it('cuts nothing where there is no Ethernet header', () => {
      assert.equal(accepts(program, { ifindex: 3, bytes: segment(), length: large }), SNAP);
    });

    it('cuts nothing with more DNS ports than a program holds', () => {
      const many = packetFilter({
        links: [ETH0],
        snapLength: SNAP,
        dnsPorts: Array.from({ length: 300 }, (_, i) => i + 1),
      });
      assert.equal(accepts(many, { ifindex: 2, bytes: segment(), length: large }), SNAP);
    });
  });
});
