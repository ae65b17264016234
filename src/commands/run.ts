/** `vesper run`: live capture. */
import { UsageError } from '../usage-error.ts';

export async function run(): Promise<number> {
  throw new UsageError(
    'live capture is not in this version. Capture with "tcpdump -i any -w FILE" and use "vesper replay FILE", ' +
      'or pipe: "tcpdump -i any -U -w - | vesper replay -".',
  );
}
