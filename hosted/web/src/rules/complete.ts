// What may be written where the cursor stands in a rule file.

import type { RuleField } from '../api/types';
import { lexCondition } from '../search/condition';
import { groups, KEEPS, lex, type Token } from './lexer';

export interface Choice {
  text: string; // what is written in place of from..to
  doc: string;
}

export interface Completion {
  from: number;
  to: number;
  choices: Choice[];
}

const KEEP_DOC = { none: 'nothing', sip: 'the signalling', headers: 'signalling and RTP without voice', rtp: 'everything' };

const CLAUSES: Choice[] = [
  { text: 'when ', doc: 'the calls it is about' },
  { text: 'until ', doc: 'a date from which it has no effect' },
  { text: 'note ""', doc: 'a text for people' },
  { text: 'no audio', doc: 'it may not be listened to' },
  { text: 'mask dtmf', doc: 'digits are blanked in what is kept' },
  { text: 'off', doc: 'no effect' },
];

const HEADS: Choice[] = [
  { text: 'group ', doc: 'a name for numbers or networks' },
  { text: 'zone ', doc: 'the time zone of time: and day:' },
];

const JOINS: Choice[] = [
  { text: 'and ', doc: 'both' },
  { text: 'or ', doc: 'one of the two' },
];

// complete answers what can stand at the cursor of a rule file; null when nothing is known to.
export function complete(text: string, cursor: number, fields: RuleField[]): Completion | null {
  return at(text, cursor, lex(text.slice(0, cursor)), (from, before) => choices(text, from, before, fields));
}

// completeCondition is complete for a condition alone.
export function completeCondition(text: string, cursor: number, fields: RuleField[], groupNames: string[]): Completion | null {
  return at(text, cursor, lexCondition(text.slice(0, cursor)), (_, before) => {
    const last = before.at(-1);
    const value = valueOf(before);
    if (value !== null) return values(groupNames, value, fields);
    if (!last || (last.kind === 'keyword' && ['and', 'or', 'not'].includes(last.text)) || last.text === '(') return tests(fields);
    return last.kind === 'op' ? [] : [...JOINS, ...tests(fields)];
  });
}

function at(text: string, cursor: number, tokens: Token[], can: (from: number, before: Token[]) => Choice[]): Completion | null {
  const last = tokens.at(-1);
  if (last?.kind === 'comment' && !text.slice(last.at, cursor).includes('\n')) return null;
  if (last?.kind === 'string' && last.at + last.text.length === cursor) return null;
  const touching = last && last.at + last.text.length === cursor && !['op', 'paren'].includes(last.kind) ? last : null;
  const from = touching ? touching.at : cursor;
  const before = touching ? tokens.slice(0, -1) : tokens;
  const typed = touching?.text ?? '';
  const list = can(from, before).filter((c) => c.text.toLowerCase().startsWith(typed.toLowerCase()) && c.text.trim() !== typed);
  if (list.length === 0) return null;
  const to = cursor + (/^[\w.-]*/.exec(text.slice(cursor))?.[0].length ?? 0);
  return { from, to: touching ? to : cursor, choices: list.slice(0, 40) };
}

function choices(text: string, from: number, before: Token[], fields: RuleField[]): Choice[] {
  if (from === 0 || text[from - 1] === '\n') return HEADS;
  const last = before.at(-1);
  if (!last) return [];
  const value = valueOf(before);
  if (value !== null) return values(groups(text), value, fields);
  if (last.kind === 'keyword') {
    switch (last.text) {
      case 'keep': return KEEPS.map((k) => ({ text: k, doc: KEEP_DOC[k] }));
      case 'no': return [{ text: 'audio', doc: 'it may not be listened to' }];
      case 'mask': return [{ text: 'dtmf', doc: 'digits are blanked in what is kept' }];
      case 'when': case 'and': case 'or': case 'not': return tests(fields);
      case 'until': case 'note': case 'group': case 'zone': case 'file': return [];
    }
  }
  if (last.kind === 'name') return [];
  if (last.kind === 'op' && before.at(-2)?.kind === 'name') return [{ text: 'keep ', doc: 'what to keep' }];
  if (last.kind === 'paren' && last.text === '(') return tests(fields);
  return inCondition(before) ? [...JOINS, ...tests(fields), ...CLAUSES] : CLAUSES;
}

const tests = (fields: RuleField[]): Choice[] => [...fields.map((f) => ({ text: f.name + ':', doc: f.doc })), { text: 'not ', doc: 'the opposite' }];

// valueOf is the field whose value stands next, null where none does.
function valueOf(before: Token[]): string | null {
  for (let i = before.length - 1; i >= 0; i--) {
    const t = before[i]!;
    if (t.kind === 'op') return (i === before.length - 1 || before[i + 1]!.text === '(') && before[i - 1]?.kind === 'field' ? before[i - 1]!.text : null;
    if (t.kind === 'paren' && (t.text === ')' || before[i - 1]?.kind !== 'op')) return null;
    if (t.kind === 'keyword' || t.kind === 'field' || t.kind === 'name') return null;
  }
  return null;
}

const GROUPED = new Set(['caller', 'callee', 'number', 'src', 'dst', 'ip']);

function values(groupNames: string[], name: string, fields: RuleField[]): Choice[] {
  const field = fields.find((f) => f.name === name);
  const words = (field?.words ?? []).map((w) => ({ text: w, doc: field!.doc }));
  return GROUPED.has(name) ? [...groupNames.map((g) => ({ text: '@' + g, doc: 'group of the rules' })), ...words] : words;
}

function inCondition(before: Token[]): boolean {
  for (let i = before.length - 1; i >= 0; i--) {
    const t = before[i]!;
    if (t.kind === 'name') return false;
    if (t.kind === 'keyword' && t.text === 'when') return true;
    if (t.kind === 'keyword' && ['keep', 'until', 'note', 'off', 'no', 'mask'].includes(t.text)) return false;
  }
  return false;
}
