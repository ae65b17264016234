/** Sends as many events as the argument says to standard output, and tells on standard error what became of them. */
import { createCounters } from '../../src/counters.ts';
import { Delivery } from '../../src/outputs/delivery.ts';
import { ReaderGoneError } from '../../src/outputs/output.ts';
import { StdoutOutput } from '../../src/outputs/stdout.ts';
import { eventOf } from './events.ts';
import { route } from './routes.ts';

const counters = createCounters();
let failure = 'none';
const delivery = new Delivery([route(new StdoutOutput())], counters, (notice) => {
  if (notice.what !== 'failed') throw new Error(JSON.stringify(notice));
  failure = notice.error instanceof ReaderGoneError ? 'reader gone' : notice.error.message;
});
const padding = 'x'.repeat(500);
for (let i = 0; i < Number(process.argv[2]); i++) delivery.push(eventOf(`{"n":${i},"padding":"${padding}"}`), 'cim');
await delivery.close();
const { 'events.sent': sent, 'events.queued': queued, 'events.dropped.output': dropped } = counters;
process.stderr.write(JSON.stringify({ failure, sent, queued, dropped }));
