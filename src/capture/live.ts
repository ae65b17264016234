/** Which live capture: eBPF first, a packet socket where it cannot be. */
import { AfPacketCapture } from './af-packet.ts';
import { EBPF_CAPABILITIES, lacking, missingCapabilities, PACKET_CAPABILITIES } from './capabilities.ts';
import { CaptureError, type LiveCapture, type LiveOptions } from './capture.ts';
import { EbpfCapture } from './ebpf.ts';

/**
 * @param onNote told once which capture it is and why
 * Throws `CaptureError` where no capture, or not the one asked for, can be opened.
 */
export function openLive(
  backend: 'auto' | 'ebpf' | 'af_packet',
  options: LiveOptions,
  onNote: (text: string) => void,
): LiveCapture {
  if (backend === 'af_packet') {
    const capture = AfPacketCapture.open(options);
    onNote('capturing through a packet socket');
    return capture;
  }
  try {
    const capture = EbpfCapture.open(options);
    onNote('capturing by eBPF');
    return capture;
  } catch (error) {
    if (backend === 'ebpf' || !(error instanceof CaptureError)) throw error;
    const mayNot = [EBPF_CAPABILITIES, PACKET_CAPABILITIES].every((wanted) => missingCapabilities(wanted).length > 0);
    if (mayNot) throw new CaptureError(lacking('live capture', EBPF_CAPABILITIES), { cause: error });
    const capture = AfPacketCapture.open(options);
    onNote(`capturing through a packet socket, which does not know processes: ${error.message}`);
    return capture;
  }
}
