import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatEndpoint, formatTable } from '../../src/commands/table.ts';

describe('a table', () => {
  it('has columns as wide as their widest line, and cells of several lines', () => {
    const table = formatTable(
      ['a', 'names', 'c'],
      [
        ['1', 'first\nthe second', 'x'],
        ['200', '', 'y'],
      ],
    );
    assert.equal(table, 'a    names       c\n1    first       x\n     the second\n200              y');
  });

  it('shows control characters of names instead of sending them to the terminal', () => {
    const table = formatTable(['name'], [['\x1b]0;title\x07\x9b31m\r.example.com\x7f']]);
    assert.equal(table.split('\n')[1], '\\x1b]0;title\\x07\\x9b31m\\x0d.example.com\\x7f');
  });

  it('writes IPv6 addresses in brackets before a port', () => {
    assert.equal(formatEndpoint({ ip: '2001:db8::1', port: 853 }), '[2001:db8::1]:853');
    assert.equal(formatEndpoint({ ip: '192.0.2.1', port: 53 }), '192.0.2.1:53');
  });
});
