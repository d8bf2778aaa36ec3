/**
 * Recursive descent over fastjson's dialect. Accepts all of standard JSON, and beside it what fastjson writes (bare integer keys, object
 * keys) and what it reads in hand-made bodies (single quotes, bare names, a comma too many). Called by fast-json only.
 */

/** The values of standard JSON, and bigint beyond 2^53 - 1. */
export type ParsedJson = null | boolean | number | bigint | string | ParsedJson[] | ParsedJsonObject;
export interface ParsedJsonObject {
  readonly [name: string]: ParsedJson;
}

/** Deeper bodies than any that upstream has; the stack ends a good deal later. */
const DEPTH_MAX = 256;

const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
/** Names without quotes, numbers among them. */
const BARE_KEY = /[\w$.+-]+/y;
const LITERAL = /true|false|null/y;
const BLANKS = /[ \t\r\n]*/y;
/** A run of text without anything special, up to what ends it or needs care. */
const PLAIN = { '"': /[^"\\]*/y, "'": /[^'\\]*/y } as const;
const UNICODE_ESCAPE = /[\da-fA-F]{4}/y;
const SHORT_ESCAPES = new Map(
  Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '"': '"', "'": "'", '\\': '\\', '/': '/' }),
);

export class FastJsonParser {
  readonly #text: string;
  readonly #keyText: (key: ParsedJsonObject) => string;
  #at = 0;
  #depth = 0;

  /** `keyText`: how an object that is a key becomes a name. */
  constructor(text: string, keyText: (key: ParsedJsonObject) => string) {
    this.#text = text;
    this.#keyText = keyText;
  }

  /** The one value of the text. */
  parse(): ParsedJson {
    const value = this.#value();
    if (this.#next() !== '') throw this.#error('something behind the end');
    return value;
  }

  #value(): ParsedJson {
    const first = this.#next();
    switch (first) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
      case "'":
        return this.#string(first);
      default:
        return this.#scalar();
    }
  }

  #nested<Value>(parse: () => Value): Value {
    if (++this.#depth > DEPTH_MAX) throw this.#error('too deep');
    this.#at++;
    const value = parse();
    this.#depth--;
    return value;
  }

  #object(): ParsedJsonObject {
    const members: [string, ParsedJson][] = [];
    while (this.#next() !== '}') {
      const key = this.#key();
      this.#expect(':');
      members.push([key, this.#value()]);
      if (this.#next() !== '}') this.#expect(',');
    }
    this.#at++;
    // Unlike an assignment this makes a plain member of any name, `__proto__` included.
    return Object.fromEntries(members);
  }

  #key(): string {
    const first = this.#next();
    if (first === '"' || first === "'") return this.#string(first);
    if (first === '{') return this.#keyText(this.#nested(() => this.#object()));
    return this.#match(BARE_KEY) ?? this.#fail('a key');
  }

  #array(): ParsedJson[] {
    const items: ParsedJson[] = [];
    while (this.#next() !== ']') {
      items.push(this.#value());
      if (this.#next() !== ']') this.#expect(',');
    }
    this.#at++;
    return items;
  }

  #scalar(): ParsedJson {
    const literal = this.#match(LITERAL);
    if (literal !== null) return literal === 'null' ? null : literal === 'true';
    const number = this.#match(NUMBER) ?? this.#fail('a value');
    const value = Number(number);
    return Number.isSafeInteger(value) || /[.eE]/.test(number) ? value : BigInt(number);
  }

  #string(quote: '"' | "'"): string {
    this.#at++;
    let text = this.#match(PLAIN[quote]) ?? '';
    while (this.#text[this.#at] === '\\') {
      this.#at++;
      text += this.#escape();
      text += this.#match(PLAIN[quote]) ?? '';
    }
    if (this.#text[this.#at] !== quote) throw this.#error('a text without end');
    this.#at++;
    return text;
  }

  #escape(): string {
    const letter = this.#text[this.#at++] ?? '';
    if (letter === 'u')
      return String.fromCharCode(Number.parseInt(this.#match(UNICODE_ESCAPE) ?? this.#fail('four hex digits'), 16));
    return SHORT_ESCAPES.get(letter) ?? this.#fail('an escape');
  }

  /** The next character that is no blank, where the parser then stands; empty at the end. */
  #next(): string {
    this.#match(BLANKS);
    return this.#text[this.#at] ?? '';
  }

  #expect(character: string): void {
    if (this.#next() !== character) throw this.#error(`no ${character}`);
    this.#at++;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return null;
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #fail(wanted: string): never {
    throw this.#error(`no ${wanted}`);
  }

  #error(problem: string): SyntaxError {
    return new SyntaxError(`${problem} at position ${this.#at}`);
  }
}
