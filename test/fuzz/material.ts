/** Captures in memory, with what a mutation has to know of each frame's layout. */
import { relative } from 'node:path';
import { CaptureError } from '../../src/capture/capture.ts';
import { PcapFile } from '../../src/capture/pcap-file.ts';
import { createCounters } from '../../src/counters.ts';
import type { Frame } from '../../src/dissect/frame.ts';
import { DEFAULT_NETWORK_OPTIONS, NetworkDecoder } from '../../src/dissect/net/decoder.ts';
import { Disposition } from '../../src/dissect/net/layer.ts';
import { IpProtocol, type Packet } from '../../src/dissect/net/packet.ts';
import type { FuzzFrame } from './frame.ts';
import { Draft } from './mutations.ts';
import { Pipeline } from './pipeline.ts';

export interface Material {
  readonly name: string;
  readonly frames: readonly FuzzFrame[];
  /** Whether there is DNS, TLS, QUIC or DTLS in it. */
  readonly talks: boolean;
}

/** Frames kept of a capture: hellos and queries come early, and a long one must not be all that is looked at. */
const MAX_FRAMES = 4_000;

/** Reads captures; what is no capture is passed over. */
export async function readMaterial(paths: readonly string[], base: string): Promise<Material[]> {
  const all: Material[] = [];
  for (const path of paths) {
    const frames = await readFrames(path);
    if (frames.length > 0) all.push({ name: relative(base, path), frames, talks: talks(frames) });
  }
  return all;
}

async function readFrames(path: string): Promise<FuzzFrame[]> {
  const frames: FuzzFrame[] = [];
  let ip = -1;
  let payload = -1;
  const decoder = new NetworkDecoder(DEFAULT_NETWORK_OPTIONS, createCounters(), (packet) => {
    if (packet.bytes === packet.frame.bytes) {
      payload = packet.payloadStart - packet.frame.start;
      ip = ipHeader(packet);
    }
    return Disposition.emitted;
  });
  const sink = {
    frame(frame: Frame): void {
      if (frames.length >= MAX_FRAMES) return;
      ip = -1;
      payload = frame.end - frame.start;
      decoder.decode(frame);
      const { linkType, seconds, nanos, originalLength } = frame;
      const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end));
      frames.push({ bytes, linkType, seconds, nanos, originalLength, ip, payload });
    },
    ready: () => undefined,
  };
  try {
    const capture = await PcapFile.open(path, { onWarning: () => {} });
    await capture.run(sink, new AbortController().signal);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
  }
  return frames;
}

function talks(frames: readonly FuzzFrame[]): boolean {
  const pipeline = new Pipeline(false);
  const draft = new Draft();
  for (const frame of frames) pipeline.send(draft.begin(frame), frame.seconds, frame.nanos, 0);
  pipeline.end();
  const { counters } = pipeline;
  return counters['dns.messages'] + counters['tls.handshakes'] + counters['quic.undecryptable'] > 0;
}

/** Looks for the header whose addresses are the packet's, nearest before the payload. */
function ipHeader({ view, frame, payloadStart, ipVersion, source0, source3, destination3, protocol }: Packet): number {
  if (protocol !== IpProtocol.tcp && protocol !== IpProtocol.udp) return -1;
  const transport = protocol === IpProtocol.tcp ? 20 : 8;
  for (let at = payloadStart - transport - (ipVersion === 4 ? 20 : 40); at >= frame.start; at--) {
    if (view.getUint8(at) >> 4 !== ipVersion) continue;
    if (ipVersion === 4 && view.getUint32(at + 12) === source0 && view.getUint8(at + 9) === protocol) {
      return at - frame.start;
    }
    if (ipVersion === 6 && view.getUint32(at + 20) === source3 && view.getUint32(at + 36) === destination3) {
      return at - frame.start;
    }
  }
  return -1;
}
