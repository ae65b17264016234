/** What the log says of outputs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noticeText } from '../../src/commands/outputs.ts';
import { DeliveryError } from '../../src/outputs/output.ts';

test('one event is one', () => {
  const lost = (events: number) =>
    noticeText({ output: 'o', what: 'lost', loss: 'refused', events, reason: 'too large' })?.text;
  assert.equal(lost(1), 'o: 1 event lost: too large');
  assert.equal(lost(2), 'o: 2 events lost: too large');
  const failing = (waiting: number) =>
    noticeText({
      output: 'o',
      what: 'failing',
      error: new DeliveryError('refused', true),
      since: { seconds: 60, waiting },
    })?.text;
  assert.equal(failing(1), 'o: refused; failing for 60 s, 1 event waits; trying again until it works');
  assert.equal(failing(0), 'o: refused; failing for 60 s, 0 events wait; trying again until it works');
});
