import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Conversation, reverse } from '../../src/dissect/conversation.ts';
import { conversationOf } from '../conversation.ts';

const WHOLE = {
  client: { ip: '2001:db8::1', port: 50_000 },
  server: { ip: 'fe80::ffff:0:1', port: 53 },
  transport: 'udp',
  session: 7,
  communityId: '1:d/FP5EW3wiY1vCndhwleRRKHowQ=',
  clientMac: 'ff:fe:fd:fc:fb:fa',
  serverMac: '00:00:5e:00:53:01',
  vlan: 1,
  innerVlan: 2,
  interfaceName: 'eth0',
  tunnels: [],
  owner: { processId: 1, userId: 2, command: 'dig' },
} as const;

describe('a conversation', () => {
  it('shows its numbers as text', () => {
    const made = conversationOf(WHOLE);
    for (const [name, value] of Object.entries(WHOLE)) assert.deepEqual(made[name as keyof typeof WHOLE], value);
    assert.equal(made.ipVersion, 6);
  });

  it('writes a Community ID in base64', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (hash) => {
        const communityId = `1:${Buffer.from(hash).toString('base64')}`;
        assert.equal(conversationOf({ communityId }).communityId, communityId);
      }),
    );
  });

  it('has no MACs where the link has none', () => {
    const made = new Conversation();
    assert.equal(made.clientMac, undefined);
    assert.equal(made.serverMac, undefined);
  });

  it('turned round is the same with its ends exchanged', () => {
    const { client, server, clientMac, serverMac } = WHOLE;
    const turned = conversationOf({
      ...WHOLE,
      client: server,
      server: client,
      clientMac: serverMac,
      serverMac: clientMac,
    });
    assert.deepEqual(reverse(conversationOf(WHOLE)), turned);
  });
});
