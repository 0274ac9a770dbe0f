import { describe, expect, test } from 'vitest';
import type { CDR } from '../api/types';
import { makeCall } from '../dev/data';
import { conditionsOf, insertRule, lineOf, names, suggestRule, writeRule } from './fromcall';

const call = (over: Partial<CDR>): CDR => ({ ...makeCall(1, 1.7e15), findings: [], ...over });

describe('the rule that is offered', () => {
  test.each<[string, Partial<CDR>, string]>([
    ['a bad finding', { findings: [{ code: 'one-way-audio', severity: 'bad', text: '', evidence: '', remedy: '' }] }, 'keep-one-way-audio: keep rtp when finding:one-way-audio'],
    ['a number', { callee: '+1001' }, 'keep-1001: keep rtp when number:1001'],
    ['the caller where no side is a number', { callee: 'alice', caller: 'bob smith' }, 'keep-bob-smith: keep rtp when caller:"bob smith"'],
    ['the source where nobody has a name', { callee: '', caller: '', src: '[2001:db8::1]:5060' }, 'keep-src-2001-db8-1: keep rtp when src:2001:db8::1'],
  ])('is about %s', (_, over, want) => expect(suggestRule(call(over))).toBe(want));

  test('keeps a quote in a value from ending it', () => {
    expect(conditionsOf(call({ ua_caller: 'A "B" \\ C' })).map((c) => c.text)).toContain('ua:"A \\"B\\" \\\\ C"');
  });
  test('has a name that the text does not hold yet', () => {
    expect(writeRule(['number:1'], 'sip', 'keep-1: keep none\nkeep-1-2: keep none\n')).toBe('keep-1-3: keep sip when number:1');
    expect(writeRule([], 'none', '')).toBe('keep-all: keep none');
  });
});

describe('a rule is put', () => {
  const text = '# all of us\ngroup vip: 1001\n\n# the board\nboard: keep none\n  when caller:1\nrest: keep sip\n';
  test('in front of the others, behind groups, before the comment of the first', () => {
    expect(insertRule(text, 'new: keep rtp', 'first')).toBe('# all of us\ngroup vip: 1001\n\nnew: keep rtp\n# the board\nboard: keep none\n  when caller:1\nrest: keep sip\n');
  });
  test('behind the others', () => expect(insertRule(text, 'new: keep rtp', 'last')).toBe(text + 'new: keep rtp\n'));
  test('into an empty text', () => expect(insertRule('', 'new: keep rtp', 'first')).toBe('new: keep rtp\n'));
  test('into a text without rules', () => expect(insertRule('# later\n', 'new: keep rtp', 'first')).toBe('# later\nnew: keep rtp\n'));
  test('and found again', () => {
    expect(names(text)).toEqual(['board', 'rest']);
    expect(lineOf(text, 'rest')).toBe(7);
    expect(lineOf(text, 'other')).toBe(0);
  });
});
