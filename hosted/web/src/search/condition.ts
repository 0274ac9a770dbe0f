// Conditions as the search field and the filters beside it write them. What is right and wrong is hosted's to say: this reader
// takes anything, and finds its way in what it understands.

import { lex, type Token } from '../rules/lexer';

const HEAD = 'x: keep sip when '; // the lexer reads rule files
const WORDS = 4; // of HEAD

// lexCondition splits a condition; places are those in the text.
export function lexCondition(text: string): Token[] {
  return lex(HEAD + text.replaceAll('\n', ' ')).slice(WORDS + 1).map((t) => ({ ...t, at: t.at - HEAD.length }));
}

// conjuncts are the conditions that must all hold, as they are written; null if there is an "or" between them, or a bracket that
// does not close.
export function conjuncts(text: string): string[] | null {
  const tokens = lexCondition(text);
  const out: string[] = [];
  let i = 0;
  // operand goes behind what stands at i; false where nothing can.
  const operand = (): boolean => {
    const t = tokens[i++];
    if (!t) return false;
    if (t.kind === 'keyword' && t.text === 'not') return operand();
    if (t.text === '(') return close();
    if (t.kind === 'field') {
      if (tokens[i]?.kind !== 'op') return false;
      i++;
      return tokens[i]?.text === '(' ? (i++, close()) : tokens[i++] !== undefined;
    }
    return t.kind !== 'paren' && t.kind !== 'op' && t.kind !== 'comment';
  };
  const close = (): boolean => {
    for (let depth = 1; i < tokens.length; i++) {
      if (tokens[i]!.kind !== 'paren') continue;
      depth += tokens[i]!.text === '(' ? 1 : -1;
      if (depth === 0) return i++, true;
    }
    return false;
  };
  while (i < tokens.length) {
    if (out.length && tokens[i]!.text === 'and') i++;
    if (tokens[i]?.text === 'or') return null;
    const at = tokens[i]?.at ?? 0;
    if (!operand()) return null;
    const last = tokens[i - 1]!;
    out.push(text.slice(at, last.at + last.text.length));
  }
  return out;
}

// found is the first of the conditions that a pattern describes.
export function found(text: string, pattern: RegExp): RegExpExecArray | null {
  for (const c of conjuncts(text) ?? []) {
    const m = pattern.exec(c);
    if (m) return m;
  }
  return null;
}

// put writes a condition in place of those that a pattern describes, or behind the others; "" takes them away.
export function put(text: string, pattern: RegExp, condition: string): string {
  const all = conjuncts(text);
  if (!all) return condition ? `(${text.trim()}) and ${condition}` : text;
  const at = all.findIndex((c) => pattern.test(c));
  const rest = all.filter((c, i) => !pattern.test(c) || (condition && i === at));
  if (condition && at >= 0) rest[rest.indexOf(all[at]!)] = condition;
  else if (condition) rest.push(condition);
  return rest.join(' and ');
}

// both joins two conditions.
export function both(a: string, b: string): string {
  if (!a.trim() || !b.trim()) return (a + b).trim();
  const side = (s: string) => (conjuncts(s) ? s.trim() : `(${s.trim()})`);
  return `${side(a)} and ${side(b)}`;
}

// quote makes a text a value, in quotes where it needs them.
export const quote = (text: string) => (/^[^\s()"=!<>~#@:*][^\s()"=!<>~#:*]*$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ')}"`);

const NUMBER = /^\+?\d[\d*#]+$/;
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2}|:\d{1,5})?|\[?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\/\d{1,3}|\](?::\d{1,5})?)?)$/i;
const CALL_ID = /^[^\s()"=!<>~#@]+@[^\s()"=!<>~#@]+$|^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

// meant is the condition that a word alone stands for: the beginning of a number, an address or a Call-ID, which are found fast.
// Anything else stays as it is; a word that is none of these is looked for anywhere in numbers, names, addresses and Call-IDs.
export function meant(text: string): string {
  const t = text.trim();
  if (NUMBER.test(t)) return `number:${t.endsWith('*') ? t : t + '*'}`;
  if (ADDRESS.test(t)) return `ip:${t}`;
  if (CALL_ID.test(t)) return `callid=${quote(t)}`;
  return t;
}
