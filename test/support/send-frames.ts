/** Sends the frames of a capture file out of an interface, as they are: `node send-frames.js INTERFACE-INDEX FILE`. */
import { AF_PACKET, bind, check, SOCK_RAW, send, socket } from '../../src/capture/ffi/libc.ts';
import { PcapFile } from '../../src/capture/pcap-file.ts';

const [index = '', file = ''] = process.argv.slice(2);
const fd = check(socket(AF_PACKET, SOCK_RAW, 0), 'packet socket');
const address = Buffer.alloc(20);
address.writeUInt16LE(AF_PACKET, 0);
address.writeInt32LE(Number(index), 4);
check(bind(fd, address, address.length), 'bind');
const capture = await PcapFile.open(file, { onWarning: () => {} });
const sink = {
  frame: ({ bytes, start, end }: { bytes: Buffer; start: number; end: number }): void => {
    check(send(fd, bytes.subarray(start, end), end - start, 0), 'send');
  },
  ready: () => undefined,
};
await capture.run(sink, new AbortController().signal);
