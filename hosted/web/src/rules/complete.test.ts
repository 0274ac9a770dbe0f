import { describe, expect, test } from 'vitest';
import type { RuleField } from '../api/types';
import { complete, completeCondition } from './complete';

const FIELDS: RuleField[] = [
  { name: 'caller', type: 'number', doc: 'user part of From' }, { name: 'callee', type: 'number', doc: 'user part of To' }, { name: 'codec', type: 'text', doc: 'codec' },
  { name: 'transport', type: 'word', doc: 'carrier', words: ['udp', 'tcp', 'tls'] },
];

// offered is what stands in the list with the cursor at the "|".
function offered(text: string): string[] {
  const at = text.indexOf('|');
  return complete(text.replace('|', ''), at, FIELDS)?.choices.map((c) => c.text) ?? [];
}

describe('what may be written', () => {
  test.each<[string, string, string[]]>([
    ['behind keep', 'a: keep |', ['none', 'sip', 'headers', 'rtp']],
    ['behind keep, begun', 'a: keep s|', ['sip']],
    ['behind the name', 'a: |', ['keep ']],
    ['where a field is begun', 'a: keep sip when cal|', ['caller:', 'callee:']],
    ['where a field is begun, in capitals', 'a: keep sip when CO|', ['codec:']],
    ['behind not', 'a: keep sip when not tr|', ['transport:']],
    ['in brackets', 'a: keep sip when (tr|', ['transport:']],
    ['behind a field of words', 'a: keep sip when transport:|', ['udp', 'tcp', 'tls']],
    ['behind a field of words, begun', 'a: keep sip when transport:t|', ['tcp', 'tls']],
    ['in a list of words', 'a: keep sip when transport:(udp t|', ['tcp', 'tls']],
    ['of groups', 'group vip: 1001\ngroup lan: 10.0.0.0/8\na: keep sip when caller:@v|', ['@vip']],
    ['behind what is kept', 'a: keep sip m|', ['mask dtmf']],
    ['on a further line', 'a: keep sip when caller:1\n  o|', ['or ', 'off']],
    ['behind no', 'a: keep rtp no |', ['audio']],
    ['in the first column', 'gr|', ['group ']],
  ])('%s', (_, text, want) => expect(offered(text)).toEqual(want));

  test.each([['in a comment', 'a: keep sip # c|'], ['in a text', 'a: keep sip note "c|'], ['where the word is whole', 'a: keep sip|'], ['for a number', 'a: keep sip when caller:1|'], ['for a date', 'a: keep sip until 2|']])(
    'nothing %s', (_, text) => expect(offered(text)).toEqual([]),
  );

  test('takes the place of the whole word that the cursor is in', () => {
    const text = 'a: keep sip when calXX:1';
    expect(complete(text, text.indexOf('XX'), FIELDS)).toMatchObject({ from: 17, to: 22 });
  });
});

describe('what may be written in a condition', () => {
  const inCondition = (text: string) => completeCondition(text.replace('|', ''), text.indexOf('|'), FIELDS, ['vip', 'lan'])?.choices.map((c) => c.text) ?? [];
  test.each<[string, string, string[]]>([
    ['where a field is begun', 'cal|', ['caller:', 'callee:']],
    ['behind and', 'mos<3 and tr|', ['transport:']],
    ['in brackets', '(co|', ['codec:']],
    ['behind a field of words', 'transport:|', ['udp', 'tcp', 'tls']],
    ['in a list', 'transport:(udp t|', ['tcp', 'tls']],
    ['of groups', 'caller:@|', ['@vip', '@lan']],
    ['behind a condition', 'caller:1 an|', ['and ']],
    ['nothing for a number', 'mos<3|', []],
    ['nothing of rules', 'caller:1 un|', []],
  ])('%s', (_, text, want) => expect(inCondition(text)).toEqual(want));
  test('at the beginning: fields', () => expect(inCondition('|')).toEqual(['caller:', 'callee:', 'codec:', 'transport:', 'not ']));
});
