import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseLinks, InterfaceWatch, unmatched } from '../../src/capture/interfaces.ts';
import { Hardware, type Link, type Links } from '../../src/capture/links.ts';
import { interfaceFilter } from '../../src/capture/packet-filter.ts';

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
    watch.start();
    current = [ETH0, WG0];
    watch.poll();
    current = [WG0];
    watch.poll();
    assert.deepEqual(calls, ['+eth0', '+wg0', '-eth0']);
    assert.equal(watch.name(2), 'eth0');
  });
});

describe('the filter of the packet socket', () => {
  /** Runs the few instructions that the filter uses (classic BPF). */
  function accepts(program: Buffer, ifindex: number, packetType: number): number {
    let accumulator = 0;
    for (let pc = 0; ; pc++) {
      const at = pc * 8;
      const operand = program.readUInt32LE(at + 4);
      switch (program.readUInt16LE(at)) {
        case 0x20:
          accumulator = operand === 0xfffff008 ? ifindex : packetType;
          break;
        case 0x15:
          pc += program.readUInt8(at + (accumulator === operand ? 2 : 3));
          break;
        default:
          return operand;
      }
    }
  }

  const program = interfaceFilter([ETH0, LO, WG0], 1500);
  const OUTGOING = 4;

  it('lets the chosen interfaces pass, both ways', () => {
    assert.equal(accepts(program, 2, 0), 1500);
    assert.equal(accepts(program, 3, OUTGOING), 1500);
    assert.equal(accepts(program, 9, 0), 0);
  });

  it('takes a loopback packet once', () => {
    assert.equal(accepts(program, 1, 0), 1500);
    assert.equal(accepts(program, 1, OUTGOING), 0);
  });
});
