import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientHello, ServerHello } from '../../../src/dissect/event.ts';
import { echEvidence } from '../../../src/dissect/tls/ech.ts';

test('evidence of an Encrypted ClientHello: a published name, an answer in a HelloRetryRequest', () => {
  const hello = (serverName: string | undefined) => ({ serverName }) as ClientHello;
  const retry = (...extensions: number[]) => ({ extensions }) as unknown as ServerHello;
  const evidence: [ClientHello, ServerHello | undefined, string][] = [
    [hello('Cloudflare-ECH.com'), undefined, 'public_name'],
    [hello('cloudflare-ech.com'), retry(43, 0xfe0d), 'public_name'],
    [hello('public.example.test'), retry(43, 51, 0xfe0d), 'hello_retry_request'],
    [hello('public.example.test'), retry(43, 51), 'real_or_grease'],
    [hello(undefined), undefined, 'real_or_grease'],
  ];
  for (const [client, request, expected] of evidence) assert.equal(echEvidence(client, request), expected);
});
