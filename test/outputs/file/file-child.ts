/** Writes events of ten bytes to the file of the argument, and tells how the first batch ended. */
import assert from 'node:assert/strict';
import { FileOutput } from '../../../src/outputs/file/file.ts';
import { DeliveryError } from '../../../src/outputs/output.ts';
import { eventsOf } from '../events.ts';
import { fileSettings } from '../routes.ts';

const output = new FileOutput(fileSettings(process.argv[2] ?? ''), assert.fail);
try {
  output.sendNow(eventsOf(Array.from({ length: 1_000 }, (_, i) => String(i).padStart(9, '0'))));
} catch (error) {
  if (!(error instanceof DeliveryError)) throw error;
  process.stdout.write(JSON.stringify({ message: error.message, remaining: error.remaining?.length }));
}
