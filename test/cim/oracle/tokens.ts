/** Words of Splunk's search and eval languages. What is none of them is an error, never skipped. */

export interface Token {
  readonly type: 'text' | 'field' | 'number' | 'word' | 'sign';
  /** Without its quotes. */
  readonly text: string;
}

const PATTERNS: readonly (readonly [Token['type'], RegExp])[] = [
  // Inside a text only an escaped quote is read: a pattern keeps its backslashes.
  ['text', /"((?:[^"\\]|\\.)*)"/y],
  ['field', /'([^']*)'/y],
  ['number', /(\d+(?:\.\d+)?)(?![\w.])/y],
  ['word', /([A-Za-z_][\w:{}]*)/y],
  ['sign', /(==|!=|<=|>=|[!=<>()+\-/,|*])/y],
];

/** Outside of `eval`, names hold dots without quotes. */
const SEARCH_PATTERNS = PATTERNS.map(
  ([type, pattern]) => [type, type === 'word' ? /([A-Za-z_][\w.:{}]*)/y : pattern] as const,
);

export type Language = 'eval' | 'search';

/** @throws where the source holds anything else */
export function tokensOf(source: string, language: Language = 'eval'): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(source[at] ?? '')) at++;
    if (at === source.length) return tokens;
    const before = at;
    for (const [type, pattern] of language === 'eval' ? PATTERNS : SEARCH_PATTERNS) {
      pattern.lastIndex = at;
      const match = pattern.exec(source);
      if (match === null) continue;
      tokens.push({ type, text: match[1]! });
      at = pattern.lastIndex;
      break;
    }
    if (at === before) throw new Error(`unknown grammar at "${source.slice(at, at + 20)}" of ${source}`);
  }
}

/** Tokens one after another. */
export class TokenStream {
  private readonly source: string;
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(source: string, language: Language = 'eval') {
    this.source = source;
    this.tokens = tokensOf(source, language);
  }

  get done(): boolean {
    return this.at === this.tokens.length;
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead];
  }

  next(): Token {
    const token = this.tokens[this.at++];
    if (token === undefined) throw new Error(`unexpected end of ${this.source}`);
    return token;
  }

  /** Takes the next token if it is this sign, or this word in any case. */
  take(text: string): boolean {
    const token = this.peek();
    if (token === undefined || (token.type !== 'sign' && token.type !== 'word')) return false;
    if (token.text.toLowerCase() !== text.toLowerCase()) return false;
    this.at++;
    return true;
  }

  expect(text: string): void {
    if (!this.take(text))
      throw new Error(`${text} expected before "${this.peek()?.text ?? 'the end'}" of ${this.source}`);
  }
}
