import { describe, expect, test } from 'vitest';
import { diff, edits, merge } from './merge';

const text = (...lines: string[]) => lines.join('\n') + '\n';
const base = text('a', 'b', 'c', 'd', 'e', 'f');

describe('two changes of one text', () => {
  test('to different lines are both in the result', () => {
    expect(merge(base, text('a', 'B', 'c', 'd', 'e', 'f'), text('a', 'b', 'c', 'd', 'E', 'f'))).toBe(text('a', 'B', 'c', 'd', 'E', 'f'));
    expect(merge(base, text('new', 'a', 'b', 'c', 'd', 'e', 'f'), text('a', 'b', 'c', 'e', 'f'))).toBe(text('new', 'a', 'b', 'c', 'e', 'f'));
  });
  test('that are the same happen once', () => expect(merge(base, text('a', 'X', 'c', 'd', 'e', 'f'), text('a', 'X', 'c', 'd', 'e', 'f'))).toBe(text('a', 'X', 'c', 'd', 'e', 'f')));
  test('that both add at one place stand there in turn, theirs first', () => {
    expect(merge(base, base + 'mine\n', base + 'theirs\n')).toBe(base + 'theirs\nmine\n');
  });
  test('to the same or neighbouring lines need a person', () => {
    expect(merge(base, text('a', 'mine', 'c', 'd', 'e', 'f'), text('a', 'theirs', 'c', 'd', 'e', 'f'))).toBeNull();
    expect(merge(base, text('a', 'mine', 'c', 'd', 'e', 'f'), text('a', 'b', 'theirs', 'd', 'e', 'f'))).toBeNull();
    expect(merge(base, text('a', 'd', 'e', 'f'), text('a', 'b', 'x', 'c', 'd', 'e', 'f'))).toBeNull();
  });
  test('of which one is none give the other', () => {
    expect(merge(base, base, 'x\n')).toBe('x\n');
    expect(merge(base, 'x\n', base)).toBe('x\n');
  });
});

test('edits, applied, make the changed text of any two', () => {
  let seed = 3;
  const roll = (n: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
  for (let n = 0; n < 2000; n++) {
    const a = Array.from({ length: roll(9) }, () => 'abc'[roll(3)]!);
    const b = Array.from({ length: roll(9) }, () => 'abc'[roll(3)]!);
    const out: string[] = [];
    let at = 0;
    for (const e of edits(a, b)) {
      expect(e.from).toBeGreaterThanOrEqual(at);
      out.push(...a.slice(at, e.from), ...e.lines);
      at = e.to;
    }
    expect([...out, ...a.slice(at)]).toEqual(b);
  }
});

describe('a change to read', () => {
  test('has the lines that went and came, and a few around', () => {
    expect(diff(text('1', '2', '3', '4', '5', '6'), text('1', '2', '3', 'x', '5', '6'), 1).map((l) => `${l.kind} ${l.text}`)).toEqual(['left 2 lines', 'same 3', 'gone 4', 'new x', 'same 5', 'left 2 lines']);
  });
  test('is empty where nothing changed', () => expect(diff(base, base)).toEqual([]));
});
