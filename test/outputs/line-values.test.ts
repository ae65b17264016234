import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flowKey } from '../../src/outputs/line-values.ts';
import { eventOf, eventsOf } from './events.ts';
import { sampleEvents } from './sample-events.ts';

const textOf = (range: ReturnType<typeof flowKey>): string | undefined =>
  range?.block.toString('utf8', range.start, range.end);
const keyOf = (line: string): string | undefined => textOf(flowKey(eventOf(line)));

test('the key of every event is the Community ID of its connection, wherever the model has it', () => {
  for (const event of sampleEvents(72)) {
    const { flow_id, vesper } = JSON.parse(event.line) as { flow_id?: string; vesper?: { flow_id?: string } };
    assert.equal(textOf(flowKey(event)), flow_id ?? vesper?.flow_id);
  }
});

test('names from the wire cannot pass for it', () => {
  assert.equal(keyOf(String.raw`{"query":"a\",\"flow_id\":\"1:no","vesper":{"flow_id":"1:yes"}}`), '1:yes');
  assert.equal(keyOf('{"answer":["x,","flow_id",":"],"vesper":{"flow_id":"1:yes"}}'), '1:yes');
  assert.equal(keyOf('{"event":{"Flow":{"community_id":"1:native"}}}'), '1:native');
});

test('an event without one has none, and takes none from the event behind it', () => {
  const [first] = eventsOf(['{"time":1}', '{"time":2,"flow_id":"1:other"}']);
  assert.equal(flowKey(first!), undefined);
});
