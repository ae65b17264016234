/** Real and broken captures: no throw, every frame counted once, nothing held at the end. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CaptureError } from '../../../src/capture/capture.ts';
import { PcapFile } from '../../../src/capture/pcap-file.ts';
import { createCounters, unaccountedFrames } from '../../../src/counters.ts';
import { DEFAULT_NETWORK_OPTIONS, NetworkDecoder } from '../../../src/dissect/net/decoder.ts';
import { Disposition } from '../../../src/dissect/net/layer.ts';
import { capturesBelow, sharedFolder, skipWithout } from '../../support/shared.ts';

for (const part of ['captures', 'malformed']) {
  test(`every frame of ${part}/ is accounted for`, { skip: skipWithout('corpus') }, async () => {
    const totals = createCounters();
    for (const path of capturesBelow(join(sharedFolder('corpus') as string, part))) {
      const counters = createCounters();
      const decoder = new NetworkDecoder(DEFAULT_NETWORK_OPTIONS, counters, (packet) => {
        assert.ok(packet.payloadStart <= packet.payloadEnd && packet.payloadEnd <= packet.bytes.length, path);
        assert.ok(packet.payloadEnd - packet.payloadStart <= packet.payloadLength, path);
        return Disposition.emitted;
      });
      try {
        const capture = await PcapFile.open(path, { onWarning: () => {} });
        await capture.run(
          {
            frame: (frame) => {
              decoder.decode(frame);
              assert.equal(unaccountedFrames(counters), 0, path);
            },
            ready: () => undefined,
          },
          new AbortController().signal,
        );
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
      }
      decoder.end();
      assert.equal(unaccountedFrames(counters), 0, path);
      assert.equal(counters['frames.held'], 0, path);
      totals['frames.received'] += counters['frames.received'];
      totals['frames.emitted'] += counters['frames.emitted'];
    }
    // Most of the broken frames are broken above the layers looked at here.
    assert.ok(totals['frames.emitted'] > totals['frames.received'] / 2, JSON.stringify(totals));
  });
}
