/** Sends as many events as the argument says to standard output, and tells on standard error what became of them. */
import { createCounters } from '../../src/counters.ts';
import { Delivery } from '../../src/outputs/delivery.ts';
import { ReaderGoneError } from '../../src/outputs/output.ts';
import { StdoutOutput } from '../../src/outputs/stdout.ts';
import { eventOf } from './events.ts';

const counters = createCounters();
let failure = 'none';
const delivery = new Delivery([new StdoutOutput()], counters, (_, error) => {
  failure = error instanceof ReaderGoneError ? 'reader gone' : error.message;
});
const padding = 'x'.repeat(500);
for (let i = 0; i < Number(process.argv[2]); i++) delivery.push(eventOf(`{"n":${i},"padding":"${padding}"}`));
await delivery.close();
const { 'events.sent': sent, 'events.queued': queued, 'events.dropped.output': dropped } = counters;
process.stderr.write(JSON.stringify({ failure, sent, queued, dropped }));
