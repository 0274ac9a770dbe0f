import { describe, expect, test } from 'vitest';
import { both, conjuncts, found, lexCondition, meant, put, quote } from './condition';

test('words have the places that they have in the text', () => {
  const text = 'mos<3.5 and\ncaller:420*';
  expect(lexCondition(text).map((t) => `${t.kind} ${text.slice(t.at, t.at + t.text.length)}`)).toEqual(['field mos', 'op <', 'value 3.5', 'keyword and', 'field caller', 'op :', 'value 420*']);
});

describe('conditions that must all hold', () => {
  test.each<[string, string[] | null]>([
    ['', []],
    ['mos<3', ['mos<3']],
    ['mos<3 caller:1* and not end:bye', ['mos<3', 'caller:1*', 'not end:bye']],
    ['(mos<3 or loss>2) and number:(1 "2 3" 4)', ['(mos<3 or loss>2)', 'number:(1 "2 3" 4)']],
    ['"a or b" jana', ['"a or b"', 'jana']],
    ['not (a or (b c)) d', ['not (a or (b c))', 'd']],
    ['src:10.0.0.1:5060 caller:@vip', ['src:10.0.0.1:5060', 'caller:@vip']],
    ['a or b', null],
    ['(a', null],
    ['a)', null],
    ['mos<', null],
    ['not', null],
  ])('%s', (text, want) => expect(conjuncts(text)).toEqual(want));
});

describe('a filter writes its own condition', () => {
  const status = /^status[:=](\d+)$/;
  test.each([
    ['', 'status:486', 'status:486'],
    ['mos<3', 'status:486', 'mos<3 and status:486'],
    ['mos<3 status=200 a', 'status:486', 'mos<3 and status:486 and a'],
    ['status:1 status:2', 'status:486', 'status:486'],
    ['mos<3 and status:200', '', 'mos<3'],
    ['status:200', '', ''],
    ['a or status:200', 'status:486', '(a or status:200) and status:486'],
    ['a or b', '', 'a or b'],
  ])('%s with %s', (text, condition, want) => expect(put(text, status, condition)).toBe(want));
  test('and reads it', () => {
    expect(found('mos<3 status:486', status)?.[1]).toBe('486');
    expect(found('mos<3 or status:486', status)).toBeNull();
    expect(found('not status:486', status)).toBeNull();
  });
  test('of two', () => {
    expect(both('a or b', 'c d')).toBe('(a or b) and c d');
    expect(both('', 'a')).toBe('a');
    expect(both('a', '')).toBe('a');
  });
});

describe('a word alone', () => {
  test.each([
    ['+420777', 'number:+420777*'], ['1001', 'number:1001*'], ['420*', 'number:420*'], ['*97', '*97'], ['5', '5'],
    ['10.0.0.1', 'ip:10.0.0.1'], ['10.0.0.0/8', 'ip:10.0.0.0/8'], ['10.0.0.1:5060', 'ip:10.0.0.1:5060'], ['2001:db8::1', 'ip:2001:db8::1'], ['::1', 'ip:::1'],
    ['abc@10.0.0.1', 'callid=abc@10.0.0.1'], ['01900000-0000-7000-8000-000000000000', 'callid=01900000-0000-7000-8000-000000000000'],
    ['jana', 'jana'], ['mos<3', 'mos<3'], ['caller:1', 'caller:1'], [' 1001 ', 'number:1001*'], ['@vip', '@vip'], ['1001 1002', '1001 1002'],
  ])('%s is %s', (text, want) => expect(meant(text)).toBe(want));
});

test('a value is in quotes where it needs them', () => {
  expect([quote('one-way-audio'), quote('a b'), quote('say "x"\\'), quote('@vip'), quote('')]).toEqual(['one-way-audio', '"a b"', '"say \\"x\\"\\\\"', '"@vip"', '""']);
});
