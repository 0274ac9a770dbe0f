import { describe, expect, test } from 'vitest';
import { groups, lex, place } from './lexer';

const kinds = (text: string) => lex(text).map((t) => `${t.kind} ${t.text}`);

describe('the words of a rule file', () => {
  test('of a rule with everything', () => {
    expect(kinds('vip: keep rtp when caller:420* and not ip:10.0.0.1:5060 # why\n  until 2026-12-31 note "a # b" off')).toEqual([
      'name vip', 'op :', 'keyword keep', 'keep rtp', 'keyword when', 'field caller', 'op :', 'value 420*', 'keyword and', 'keyword not', 'field ip', 'op :', 'value 10.0.0.1:5060',
      'comment # why', 'keyword until', 'value 2026-12-31', 'keyword note', 'string "a # b"', 'keyword off',
    ]);
  });
  test('of a list, a group in use, a header field and a comparison', () => {
    expect(kinds('a: keep sip when number:(1001 "x y" fe80::1) src:@lan header.X-Tenant:acme mos<=3.5')).toEqual([
      'name a', 'op :', 'keyword keep', 'keep sip', 'keyword when', 'field number', 'op :', 'paren (', 'value 1001', 'string "x y"', 'value fe80::1', 'paren )',
      'field src', 'op :', 'group @lan', 'field header.X-Tenant', 'op :', 'value acme', 'field mos', 'op <=', 'value 3.5',
    ]);
  });
  test('of groups and the zone', () => {
    expect(kinds('zone Europe/Prague\ngroup vip: 1001 +4420*\ngroup lan: file lan.csv')).toEqual([
      'keyword zone', 'value Europe/Prague', 'keyword group', 'group vip', 'op :', 'value 1001', 'value +4420*', 'keyword group', 'group lan', 'op :', 'keyword file', 'value lan.csv',
    ]);
  });
  test('a rule may be called group', () => expect(kinds('group: keep none')[0]).toBe('name group'));

  test('every character of any text is in a word or is a blank', () => {
    let seed = 7;
    const alphabet = 'ab:="()<>~!#@ \n\t1."\\é☎𝄞';
    for (let n = 0; n < 3000; n++) {
      let text = '';
      for (let i = 0; i < 24; i++) text += [...alphabet][(seed = (seed * 1103515245 + 12345) % 2 ** 31) % [...alphabet].length];
      let at = 0;
      for (const t of lex(text)) {
        expect(text.slice(at, t.at).trim(), JSON.stringify(text)).toBe('');
        expect(text.slice(t.at, t.at + t.text.length)).toBe(t.text);
        expect(t.text.length).toBeGreaterThan(0);
        at = t.at + t.text.length;
      }
      expect(text.slice(at).trim()).toBe('');
    }
  });
});

describe('a place by line and column', () => {
  test.each([[1, 1, 0], [2, 1, 4], [2, 3, 6], [2, 99, 7], [9, 1, 7]])('line %i, column %i', (line, column, want) => expect(place('abc\ndef', line, column)).toBe(want));
  test('counts characters, not UTF-16 units', () => expect(place('𝄞𝄞x', 1, 3)).toBe(4));
});

test('the groups that a text defines', () => expect(groups('group vip: 1\n# group no: 1\ngroup  lan : 10.0.0.0/8\n')).toEqual(['vip', 'lan']));
