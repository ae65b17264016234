/** The dashboard: every search runs over real events, names fields that they can have, and says what is missing when it finds none. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ADD_ON_FOLDER } from '../../scripts/splunk/package.ts';
import type { Row } from './aggregate.ts';
import { eventOf, fieldsOfKinds, goldenLines, healthLine, kindsOfSearch } from './events.ts';
import { fieldsAfter, runSearch } from './spl.ts';

const VIEWS = join(ADD_ON_FOLDER, 'default/data/ui/views');

/** What the inputs are set to; the certificates of the golden cases are good for years. */
const TOKENS: Readonly<Record<string, string>> = { host: '*', policy: '*', days: '100000', slow: '0' };
/** Tokens of the time range, which go into no query. */
const TIME_TOKENS = ['time.earliest', 'time.latest'];

const withoutEntities = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
}

interface Search {
  readonly id: string | undefined;
  readonly base: string | undefined;
  readonly query: string;
}

function searchesOf(xml: string): Search[] {
  return [...xml.matchAll(/<search([^>]*)>(.*?)<\/search>/gs)].map(([, tag, body]) => ({
    id: attribute(tag!, 'id'),
    base: attribute(tag!, 'base'),
    query: withoutEntities(/<query>(.*?)<\/query>/s.exec(body!)![1]!),
  }));
}

/** With tokens and the macro put in. */
function expanded(query: string): string {
  return query.replaceAll('`vesper_index`', 'index=*').replaceAll(/\$([\w.]+)\$/g, (_, token: string) => {
    const value = TOKENS[token];
    if (value === undefined) throw new Error(`unknown token ${token}`);
    return value;
  });
}

const lines = goldenLines();
/** A client that offers post-quantum groups meets a server that does not: no golden case has one. */
const offered = lines
  .filter((line) => line.includes('"vesper":{"tls":{"hellos":"both"') && line.includes('"group":"'))
  .map((line) => line.replace('"hellos":"both"', '"hellos":"both","post_quantum":"offered"'));
const events: readonly Row[] = [...lines, ...offered.slice(0, 3), healthLine()].map(eventOf);

for (const file of readdirSync(VIEWS)) {
  const xml = readFileSync(join(VIEWS, file), 'utf8');
  const searches = searchesOf(xml);
  const bases = new Map(searches.flatMap((search) => (search.id === undefined ? [] : [[search.id, search]])));

  /** A search's rows, those of its base first. */
  const rowsOf = ({ base, query }: Search): Row[] => {
    if (base === undefined) return runSearch(expanded(query), events, fieldsOfKinds(kindsOfSearch(query)));
    const search = bases.get(base);
    assert.ok(search, `no search with the id ${base}`);
    const known = fieldsAfter(expanded(search.query), fieldsOfKinds(kindsOfSearch(search.query)));
    return runSearch(expanded(query), rowsOf(search), known);
  };

  describe(`dashboard ${file}`, () => {
    it('has a search for each of its subjects', () => {
      const searched = searches.map(({ query }) => query).join('\n');
      for (const type of [
        'vesper_tls',
        'vesper_finding',
        'vesper_certificate',
        'vesper_dns',
        'vesper_flow',
        'vesper_agent',
      ])
        assert.match(searched, new RegExp(`eventtype=${type}\\b`));
    });

    for (const search of searches) {
      it(`finds rows: ${search.query.replaceAll(/\s+/g, ' ').slice(0, 120)}`, () => {
        const rows = rowsOf(search);
        assert.ok(rows.length > 0, 'no rows');
        const columns = new Set(rows.flatMap((row) => [...row.keys()]));
        const shown = /\| table ([^|]+)$/.exec(search.query)?.[1]?.trim().split(/\s+/) ?? [];
        for (const name of shown) assert.ok(columns.has(name) || name === 'processes', `no row has ${name}`);
      });
    }

    it('searches where the macro says', () => {
      for (const { base, query } of searches) if (base === undefined) assert.match(query, /^`vesper_index` /);
    });

    it('says what is missing in place of every table and chart that is empty', () => {
      const shown = [...xml.matchAll(/<(table|chart) ([^>]*)>(.*?)<\/\1>\s*<html ([^>]*)>\s*<p>(.+?)<\/p>/gs)];
      assert.equal(shown.length, [...xml.matchAll(/<(table|chart)\b/g)].length);
      const tokens = shown.map(([, , tag, body, message]) => {
        const token = /^\$(\w+)\$$/.exec(attribute(tag!, 'rejects')!)![1]!;
        assert.equal(attribute(message!, 'depends'), `$${token}$`);
        const handler = new RegExp(`'job.resultCount' == 0">\\s*<set token="${token}">.*<unset token="${token}">`, 's');
        assert.match(body!, handler);
        return token;
      });
      assert.equal(new Set(tokens).size, tokens.length, 'two panels with one token');
    });

    it('uses no token that nothing sets', () => {
      const set = new Set([...xml.matchAll(/ token="(\w+)"/g)].map(([, token]) => token!));
      for (const [, token] of xml.matchAll(/\$([\w.]+)\$/g))
        assert.ok(set.has(token!) || TIME_TOKENS.includes(token!), `nothing sets ${token}`);
      for (const token of Object.keys(TOKENS)) assert.ok(set.has(token), `no input ${token}`);
    });
  });
}
