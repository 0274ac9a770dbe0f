// The rule file's words, for colours and completion. What is right and wrong is hosted's to say (POST /rules/check): this
// reader takes anything.

export type Kind = 'comment' | 'name' | 'keyword' | 'keep' | 'field' | 'op' | 'value' | 'group' | 'string' | 'paren' | 'other';

export interface Token {
  kind: Kind;
  text: string;
  at: number; // offset in the text
}

export const KEEPS = ['none', 'sip', 'headers', 'rtp'] as const;
const KEYWORDS = new Set(['keep', 'when', 'until', 'note', 'off', 'no', 'audio', 'mask', 'dtmf', 'and', 'or', 'not', 'file']);
const HEADS = new Set(['group', 'zone']); // what begins a line that is not a rule

const BLANK = /[^\S\n]+/y;
const COMMENT = /#[^\n]*/y;
const STRING = /"(?:\\[^\n]|[^"\\\n])*"?/y;
const OP = /!=|<=|>=|[:=<>~!]/y;
const WORD = /[^\s()"=!<>~#:]+/y; // where a name or a field can stand
const VALUE = /(?:[^\s()"=!<>~#:]|:(?=[^\s()"=!<>~#]))+/y; // a ":" that is followed by more belongs to it: 10.0.0.1:5060, fe80::1

export function lex(text: string): Token[] {
  const out: Token[] = [];
  let at = 0;
  let value = false; // a value stands here: behind an operator, or in the list behind one
  let list = false; // inside the brackets of a list of values
  let head: 'rule' | 'group' | 'zone' = 'rule';
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? '';
  };
  const push = (kind: Kind, t: string) => {
    out.push({ kind, text: t, at });
    at += t.length;
  };
  while (at < text.length) {
    const first = at === 0 || text[at - 1] === '\n';
    if (first && !/\s/.test(text[at]!)) value = list = false;
    if (text[at] === '\n') {
      at++;
      continue;
    }
    let t = take(BLANK);
    if (t) {
      at += t.length;
      continue;
    }
    if ((t = take(COMMENT))) {
      push('comment', t);
      continue;
    }
    if ((t = take(STRING))) {
      push('string', t);
      value = list;
      continue;
    }
    if (text[at] === '(' || text[at] === ')') {
      if (text[at] === '(') list = value;
      else list = false;
      value = list;
      push('paren', text[at]!);
      continue;
    }
    if (first && (t = take(WORD))) {
      head = HEADS.has(t) && text[at + t.length] !== ':' ? (t as 'group' | 'zone') : 'rule';
      push(head === 'rule' ? 'name' : 'keyword', t);
      continue;
    }
    if (!value && (t = take(OP))) {
      const before = out.at(-1);
      push('op', t);
      value = before?.kind === 'field' || (head === 'group' && t === ':');
      if (head === 'group') list = value;
      continue;
    }
    if (value && (t = take(VALUE))) {
      push(t.startsWith('@') ? 'group' : head === 'group' && t === 'file' ? 'keyword' : 'value', t);
      value = list;
      continue;
    }
    if ((t = take(WORD))) {
      push(kindOf(t, text[at + t.length] ?? '', out, head), t);
      continue;
    }
    push('other', text[at]!);
    value = list;
  }
  return out;
}

function kindOf(word: string, next: string, before: Token[], head: string): Kind {
  if (head === 'group') return 'group';
  if (head === 'zone') return 'value';
  if (/[:=<>~!]/.test(next)) return 'field';
  const last = before.at(-1)?.text;
  if (last === 'keep' && (KEEPS as readonly string[]).includes(word)) return 'keep';
  if (last === 'until') return 'value';
  return KEYWORDS.has(word) ? 'keyword' : 'other';
}

// groups are the names that the text defines.
export const groups = (text: string): string[] => [...text.matchAll(/^group[^\S\n]+([^\s:#]+)[^\S\n]*:/gm)].map((m) => m[1]!);

// place gives the offset of a line and a column, both from 1, the column in characters as the server counts them.
export function place(text: string, line: number, column: number): number {
  let at = 0;
  for (let n = 1; n < line; n++) {
    const end = text.indexOf('\n', at);
    if (end < 0) return text.length;
    at = end + 1;
  }
  for (let n = 1; n < column && at < text.length && text[at] !== '\n'; n++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}
