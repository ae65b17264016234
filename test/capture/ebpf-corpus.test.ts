import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { NetworkEvent } from '../../src/dissect/event.ts';
import { skipWithoutCapture } from '../support/privilege.ts';
import { capturesBelow, PROJECT, sharedFolder } from '../support/shared.ts';
import { type Comparison, KernelRun } from './kernel-run.ts';

const skip = skipWithoutCapture('ebpf');

const VXLAN = 4789;
const VXLAN_GPE = 4790;
/** From the destination port of UDP to what it carries. */
const UDP_AFTER_DESTINATION = 6;
const VXLAN_FLAGS = 0x08000000;
const GPE_FLAGS_ETHERNET = 0x0c000003;

/** Captures that no test run can take: other links than Ethernet and IP, or nothing but frames above a page. */
const corpus = sharedFolder('corpus');
const files = [...capturesBelow(join(PROJECT, 'test/fixtures')), ...(corpus ? capturesBelow(corpus) : [])];

/**
 * Google's own QUIC has no form bit by which the kernel program could tell its packets: live, such a flow is UDP and its
 * version is not named (README).
 */
function withoutGoogleQuic(event: NetworkEvent): NetworkEvent {
  if (event.kind !== 'flow' || event.app !== 'quic' || event.quicVersion?.startsWith('Q') === false) return event;
  return { ...event, app: undefined, quicVersion: undefined };
}

const asLine = (event: NetworkEvent): string => JSON.stringify(withoutGoogleQuic(event));

/** The first event that only one side has. */
function difference({ replayed, captured }: Comparison): string | undefined {
  const one = replayed.map(asLine).sort();
  const two = captured.map(asLine).sort();
  const at = one.findIndex((line, i) => line !== two[i]);
  if (at < 0 && one.length === two.length) return undefined;
  return `replay ${one.at(at)}\nkernel ${two.at(at)}\n(${one.length} and ${two.length} events)`;
}

/** Every VXLAN header (RFC 7348 §5) to that of draft-ietf-nvo3-vxlan-gpe §3.1 with Ethernet inside, and to its port. */
function toGpe(capture: Buffer): Buffer {
  const ports = Buffer.from([VXLAN >> 8, VXLAN & 255]);
  for (let at = capture.indexOf(ports); at >= 0; at = capture.indexOf(ports, at + 1)) {
    const header = at + UDP_AFTER_DESTINATION;
    if (capture.readUInt32BE(header) !== VXLAN_FLAGS) continue;
    capture.writeUInt16BE(VXLAN_GPE, at);
    capture.writeUInt32BE(GPE_FLAGS_ETHERNET, header);
  }
  return capture;
}

describe('the kernel program over captures gives the events of replay', { skip }, () => {
  const run = skip === false ? new KernelRun() : undefined;
  after(() => run?.close());
  let frames = 0;

  for (const file of files) {
    it(file.slice(file.lastIndexOf('captures/') + 1), async () => {
      let comparison: Comparison;
      try {
        comparison = await (run as KernelRun).compare(file);
      } catch (error) {
        // Not a capture that replay reads.
        if ((error as Error).name === 'CaptureError') return;
        throw error;
      }
      frames += comparison.frames;
      assert.equal(difference(comparison), undefined);
    });
  }

  it('VXLAN-GPE: the VXLAN case with the other port and header', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vesper-gpe-'));
    const file = join(folder, 'gpe.pcap');
    writeFileSync(file, toGpe(readFileSync(join(PROJECT, 'test/fixtures/cases/vxlan/input.pcap'))));
    const comparison = await (run as KernelRun).compare(file);
    rmSync(folder, { recursive: true });
    assert.ok(comparison.captured.some((event) => event.conversation.tunnels?.[0]?.type === 'vxlan'));
    assert.equal(difference(comparison), undefined);
  });

  it('ran over most of the frames', () => {
    console.log(`${frames} frames of ${files.length} captures`);
    assert.ok(frames > 1000, `only ${frames} frames`);
  });
});
