import assert from 'node:assert/strict';
import { it } from 'node:test';
import { directionOf } from '../../src/policy/direction.ts';
import { conversation } from './handshakes.ts';

it('tells the direction by the own addresses, where one end is the host', () => {
  const { client, server } = conversation;
  assert.equal(directionOf(conversation, new Set([client.ip])), 'outbound');
  assert.equal(directionOf(conversation, new Set([server.ip])), 'inbound');
  assert.equal(directionOf(conversation, new Set([client.ip, server.ip])), undefined);
  assert.equal(directionOf(conversation, new Set(['192.0.2.99'])), undefined);
  assert.equal(directionOf(conversation, new Set()), undefined);
});
